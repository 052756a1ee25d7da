#!/bin/sh
# What a person would write by hand: control.sh SIF NODE-PORT ssh [options] USER@HOST. Prints "200" when the page is there.
set -eu
sif=$1 port=$2; shift 2
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
set -- "$@"
started=$("$@" "sh -s" <<END
job=\$(sbatch --parsable --partition=gpu --gres=gpu:1 --cpus-per-task=2 --mem=8000 --time=5 --output=/dev/null <<JOB
#!/bin/sh
exec apptainer exec $sif jupyter lab --no-browser --ip=0.0.0.0 --port=$port --IdentityProvider.token=$token
JOB
)
until [ -n "\$node" ] || [ \$((n += 1)) -gt 600 ]; do sleep 0.1; node=\$(squeue -h -j \$job -t R -o %N); done
[ -n "\$node" ] && echo \$job \$node
END
)
job=${started% *} node=${started#* }
"$@" -N -L "127.0.0.1:$port:$node:$port" 2>/dev/null &
tunnel=$!
trap 'kill $tunnel; "$@" scancel "$job"' EXIT
until [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/lab?token=$token")" = 200 ]; do sleep 0.1; done
echo 200
