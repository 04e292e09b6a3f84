#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_perl.sh - perl under memlog run: large hashes, threads that copy all of an
# interpreter, forks, exceptions, and its harness over tests of the modules it comes with.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
need perl perl
unless_full perl -e 'my %n = map { $_ => "x" x $_ } 1 .. 1000; print length join "", values %n'

cat >work.pl <<'END'
use strict; use warnings; use Config;
my (%n, $sum);
for my $i (1 .. 200_000) { $n{$i * 7919 % 100_003} .= "value $i "; }
$sum += length $n{$_} for sort keys %n;
delete @n{ grep { $_ % 2 } keys %n };
print "$sum ", scalar(keys %n), "\n";
my $text = join ' ', map { "word" . $_ x 3 } 1 .. 50_000;
$text =~ s/(\d+)/<$1>/g;
print length $text, ' ', scalar(() = $text =~ /<1+>/g), "\n";
my @rings = map { my $ring = { n => $_ }; $ring->{self} = $ring; $ring } 1 .. 20_000;
print scalar(@rings), "\n";
if ($Config{useithreads}) {
    require threads; require threads::shared; require Thread::Queue;
    my $queue = Thread::Queue->new;
    for my $round (1 .. 3) {
        my @workers = map { my $k = $_; threads->create(sub {
            my %own = %n; my $found = 0;
            for (1 .. 2000) { $own{"x$_"} = $k x ($_ % 100); $found += length $own{"x$_"}; }
            $queue->enqueue([$k, $found]);
            eval { die { code => $k } }; return $@->{code} + keys %own;
        }) } 1 .. 4;
        print join(' ', map { $_->join } @workers), "\n";
    }
    print join(' ', sort map { "@$_" } $queue->dequeue(12)), "\n";
} else { print "no threads\n"; }
for my $i (1 .. 20) {
    pipe my $in, my $out; my $pid = fork;
    if (!$pid) { my %own = map { $_ => $n{$_} } (keys %n)[0 .. 99]; print $out scalar(keys %own); close $out; exit $i; }
    close $out; my $said = <$in>; waitpid $pid, 0;
    print "$said ", $? >> 8, "\n";
}
my $lines = `echo one; echo two`; print $lines;
require POSIX; require Storable; require Data::Dumper;
my $copy = Storable::dclone({ %n }); print scalar(keys %$copy), "\n";
{ no warnings "once"; $Data::Dumper::Sortkeys = 1; } print length Data::Dumper::Dumper($copy), "\n";
print join(',', sort { $a <=> $b } map { $_ * $_ % 1009 } 1 .. 2000), "\n";
END
for where in without with; do
  PERL_HASH_SEED=0 $where perl perl work.pl
done
same perl

# A suite of small tests, as a module's own harness runs it: each is a process.
mkdir t
for module in List::Util Scalar::Util Storable Data::Dumper Encode Digest::SHA Compress::Zlib Time::HiRes; do
  cat >"t/$(echo "$module" | tr -d :).t" <<END
use Test::More tests => 300; use $module;
for my \$i (1 .. 100) {
    my %h = map { \$_ => [ \$_ x \$i ] } 1 .. \$i;
    is(scalar(keys %h), \$i, 'keys');
    is(length join('', map { \$_->[0] } values %h) > 0, 1, 'values');
    is_deeply({ %h }, { map { \$_ => [ \$_ x \$i ] } 1 .. \$i }, 'deep');
}
END
done
under harness.log perl -MTest::Harness -e 'runtests(@ARGV)' t/*.t >harness 2>&1 || fail "the harness: $(tail -n 5 harness)"
grep -q '^All tests successful' harness || fail "the harness: $(tail -n 5 harness)"
good_log harness.log 'reason=exit status=0'
finish
