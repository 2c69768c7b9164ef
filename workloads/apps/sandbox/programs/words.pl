# SPDX-License-Identifier: MIT
# Words of a text by frequency, and pairs of them: hashes, sorting, regular expressions.
use strict;
use warnings;

my (%count, %pair, $last);
open(my $in, '<', $ARGV[0]) or die "$ARGV[0]: $!";
while (<$in>) {
	for my $word (/([a-z]+)/g) {
		$count{$word}++;
		$pair{"$last $word"}++ if defined $last;
		$last = $word;
	}
	s/([aeiou])(?=.*\1)/uc $1/e;
}
for my $of (\%count, \%pair) {
	my @best = sort { $of->{$b} <=> $of->{$a} || $a cmp $b } keys %$of;
	print scalar(@best), "\n";
	print "$_ $of->{$_}\n" for @best[0 .. 19];
}
