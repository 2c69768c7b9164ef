# SPDX-License-Identifier: MIT
# Text, children, pipes, signals and sockets of a Perl program, in outputs that do not vary.
use strict;
use warnings;
use IO::Handle;
use List::Util qw(sum shuffle);
use POSIX qw(:sys_wait_h :signal_h);
use Socket;

STDOUT->autoflush(1);

my %count;
$count{ $_ % 7 }++ for map { $_ * $_ } 1 .. 5000;
print join(" ", map { "$_=$count{$_}" } sort keys %count), "\n";
my $text = join " ", map { sprintf "%03d", $_ } 1 .. 2000;
(my $changed = $text) =~ s/(\d)(\d)(\d)/$3$2$1/g;
print length($changed), " ", unpack("%32C*", $changed), "\n";
print sum(map { sqrt } 1 .. 1000), "\n";

for my $status (0, 3, 255) {
	my $pid = fork // die;
	POSIX::_exit($status) unless $pid;
	waitpid $pid, 0;
	print "child ", $? >> 8, "\n";
}
print "backticks ", `echo one; echo two | tr a-z A-Z`;
system("exit 4");
print "system ", $? >> 8, "\n";
open my $out, "|-", "sort -r | head -2" or die;
print $out "$_\n" for 1 .. 9;
close $out;

my $alarms = 0;
$SIG{ALRM} = sub { $alarms++ };
alarm 1;
select undef, undef, undef, 5 until $alarms;
print "alarm $alarms\n";
eval { local $SIG{USR1} = sub { die "caught\n" }; kill USR1 => $$; sleep 1 };
print "died $@";
$SIG{CHLD} = sub { 1 while waitpid(-1, WNOHANG) > 0 };
my $slow = fork // die;
exec "sleep", "20" unless $slow;
kill TERM => $slow;
select undef, undef, undef, 0.05 while kill 0 => $slow;
print "reaped\n";
$SIG{CHLD} = "DEFAULT";

socketpair my $one, my $two, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die;
my $pid = fork // die;
unless ($pid) {
	close $one;
	print $two scalar reverse($_) while <$two>;
	$two->flush;
	POSIX::_exit(0);
}
close $two;
print $one "hello\n";
$one->flush;
shutdown $one, 1;
print "socket", <$one>, "\n";
waitpid $pid, 0;
exit 6;
