"""All primes below a million, one a line: stands for the download or the compilation that nobody wants to repeat."""
sieve = bytearray([1]) * 1_000_000
sieve[:2] = b"\0\0"
for n in range(2, 1000):
    if sieve[n]:
        sieve[n * n :: n] = bytes(len(range(n * n, len(sieve), n)))
print("prime", *(n for n, prime in enumerate(sieve) if prime), sep="\n")
