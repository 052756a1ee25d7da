/** What was asked for, held against what can be chosen: nothing of a link is left out in silence. Pure. */
import type { Choices } from '../../../core/endpoint.ts';
import type { Partition } from '../../../core/scheduler.ts';
import { said } from './words.ts';

/** As a link or the last try says it; '' asks for nothing. */
export type Wishes = {
  cluster?: string | undefined;
  partition?: string | undefined;
  gpus?: string | undefined;
  gpuType?: string | undefined;
  data?: readonly string[] | undefined;
};

/** How many of one kind a node has at most. */
export const gpusOf = (one: Partition) =>
  Object.values(one.gpusPerNode).reduce((most, count) => Math.max(most, count), 0);

/** Those that can be asked for by name. */
export const gpuTypes = (one: Partition) => Object.keys(one.gpusPerNode).filter((type) => type !== '');

export const wantsGpus = ({ gpus, gpuType }: Wishes) => Number(gpus) > 0 || (Boolean(gpuType) && gpus !== '0');

/** The one that was named, else the usual one; where GPUs are wanted and nothing is named, the first that has them. */
export function beginsWith({ offers, defaults }: Choices, asked: Wishes): Partition | undefined {
  const partitions = offers?.partitions ?? [];
  const byName = (name?: string) => partitions.find((one) => one.name === name);
  const named = byName(asked.partition);
  if (named) return named;
  const usual = byName(defaults.partition) ?? partitions.find(({ isDefault }) => isDefault) ?? partitions[0];
  if (!usual || !wantsGpus(asked)) return usual;
  const having = (has: (one: Partition) => boolean) => {
    const able = partitions.filter(has);
    return able.find((one) => one === usual) ?? able.find(({ up }) => up) ?? able[0];
  };
  return (asked.gpuType ? having((one) => hasType(one, asked.gpuType)) : undefined) ?? having(hasAny) ?? usual;
}

/** A sentence for each wish that no field of the form can show; `chosen`: the partition that it shows now. */
export function notOffered(choices: Choices, asked: Wishes, chosen: Partition | undefined): readonly string[] {
  const { clusters, cluster, offers, data } = choices;
  const { partition, gpuType } = asked;
  const lost = (what: string, instead: string, where = 'here') =>
    `${what} was asked for, and it is not offered ${where}: ${instead}.`;
  const sentences: string[] = [];
  if (asked.cluster && !clusters.includes(asked.cluster))
    sentences.push(lost(`Cluster ${said(asked.cluster, 60)}`, `this runs on ${said(cluster, 60)}`));
  if (chosen && partition && !offers?.partitions.some(({ name }) => name === partition))
    sentences.push(
      lost(`Partition ${said(partition, 60)}`, `${said(chosen.name, 60)} is chosen`, `on ${said(cluster, 60)}`),
    );
  if (chosen && gpuType && !hasType(chosen, gpuType))
    sentences.push(
      lost(
        `GPU type ${said(gpuType, 60)}`,
        hasAny(chosen) ? 'this takes any' : 'it has no GPUs',
        `in partition ${said(chosen.name, 60)}`,
      ),
    );
  for (const name of asked.data ?? [])
    if (!data.some((one) => one.name === name))
      sentences.push(lost(`Data ${said(name, 60)}`, 'this launches without it'));
  return sentences;
}

const hasAny = (one: Partition) => gpusOf(one) > 0;
const hasType = (one: Partition, type = '') => gpuTypes(one).includes(type);
