# SPDX-License-Identifier: MIT
# Words of a text by frequency, and pairs of them: hashes, sorting, regular expressions.
use strict;
use warnings;

my (%count, %pair, $last, $changed);
open(my $in, '<', $ARGV[0]) or die "$ARGV[0]: $!";
while (<$in>) {
	for my $word (/([a-z]+)/g) {
		$count{$word}++;
		$pair{"$last $word"}++ if defined $last;
		$last = $word;
	}
	$changed += s/([aeiou])\w\1/$1/g;
}
my @best = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print "$_ $count{$_}\n" for @best[0 .. 19];
my $often = grep { $_ > 2 } values %pair;
print scalar(@best), " ", scalar(keys %pair), " $often $changed\n";
