# SPDX-License-Identifier: MIT
# Sums, extremes and averages of a table by its first column.
BEGIN { FS = "," }
{
	n[$1]++
	sum[$1] += $2 * $3
	if ($2 > most[$1])
		most[$1] = $2
	length_of += length($4)
	gsub(/[aeiou]/, "-", $4)
	seen[$4]++
}
END {
	for (key in n) {
		total += sum[key] / n[key]
		extreme += most[key]
		keys++
	}
	for (word in seen)
		words++
	printf "%d %d %.6f %d %d %d\n", NR, keys, total, extreme, length_of, words
}
