/** The least that a policy file says. */
export const least = `url: https://binder.example.edu
sign_in: {header: {name: X-Remote-User, from: [127.0.0.1]}}
clusters: {campus: {}}
`;
