#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=all
# Measures itself at each argument for a second: the shape of what it says, without figures; and what must not vary.
for what; do
	openssl speed -seconds 1 $what >out 2>&1; echo "$what: $?"
	grep -v CPUINFO out | sed -E 's/[0-9.]+k?/N/g; s/ +/ /g'
done
openssl speed -seconds 1 -multi 2 -evp sha1 -bytes 256 >out 2>&1; echo "multi: $?"
seq 1 20000 >data
for hash in md5 sha1 sha256 sha512 sha3-256 blake2s256; do openssl dgst -$hash data; done
for cipher in aes-128-cbc aes-256-ctr chacha20 camellia-192-cbc; do
	openssl enc -$cipher -K 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff \
		-iv 000102030405060708090a0b0c0d0e0f \
		-in data -out coded 2>/dev/null; openssl dgst -md5 coded
done
openssl genpkey -algorithm ed25519 -out key; openssl pkey -in key -pubout -out public
openssl pkeyutl -sign -rawin -inkey key -in public -out signature
openssl pkeyutl -verify -rawin -pubin -inkey public -in public -sigfile signature
openssl prime -hex FFFFFFFFFFFFFFC5; openssl nonsense 2>/dev/null; echo "$?"
