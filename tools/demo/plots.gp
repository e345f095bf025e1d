# SPDX-License-Identifier: GPL-2.0
#
# usage: gnuplot plots.gp, in the folder with values.gp and *.tsv
#
# Draws wins.svg, handshake.svg and shift.svg.

load 'values.gp'

web = '#1f6fb2'
random = '#a3a3a3'
slow = '#c8541a'
loaded = '#7a4fa3'
text = '#333333'

set encoding utf8
set datafile separator '\t'
set border 3 lc rgb '#888888'
set tics nomirror out scale 0.5 textcolor rgb text
set grid y lc rgb '#e4e4e4' lw 1 dt 1
unset key

# Wins per instance: counts, and what chance would make of them.
set terminal svg size 860,300 dynamic font 'sans-serif,13' name 'wins'
set output 'wins.svg'
set xlabel 'instance, and the delay on the way to it in ms' tc rgb text \
	offset 0, -0.7
set bmargin 4.5
set ylabel 'connections won' tc rgb text
set xrange [0.4:12.6]
set yrange [0:wins_max * 1.15]
set boxwidth 0.36
set style fill solid 1 noborder
set label 1 web_name at 1.45, wins_max * 1.06 tc rgb web
set label 2 random_name at 12.4, wins_random + wins_max * 0.14 right \
	tc rgb '#777777'
set label 3 '○ expected' at 12.4, wins_max * 1.06 right \
	tc rgb text
plot 'wins.tsv' using ($1 - 0.19):3:xtic(sprintf("S%d\n%g", $1, $2)) \
		with boxes lc rgb web, \
	'' using ($1 + 0.19):4 with boxes lc rgb random, \
	'' using ($1 - 0.19):5 with points pt 6 ps 0.6 lc rgb 'black', \
	'' using ($1 + 0.19):6 with points pt 6 ps 0.6 lc rgb 'black'
unset label
set bmargin 3.5

# Handshake time: cumulative distribution.
set terminal svg size 860,310 dynamic font 'sans-serif,13' name 'handshake'
set output 'handshake.svg'
set logscale x
set xtics (5, 10, 20, 50, 100, 200, 500, 1000)
set xlabel 'handshake time in ms, as the client sees it' tc rgb text \
	offset 0, 0
set ylabel 'connections, %' tc rgb text
slowest = web_p99 > random_p99 ? web_p99 : random_p99
set xrange [4:slowest * 1.6]
set yrange [0:104]
set ytics 25
set label 1 web_name at web_q75 * 1.07, 72 tc rgb web
set label 2 random_name at random_q75 * 1.07, 72 tc rgb '#777777'
set label 3 sprintf('median %.1f ms', web_median) \
	at web_median, 50 offset 0.9, -0.4 point pt 7 ps 0.6 lc rgb web \
	tc rgb web
set label 4 sprintf('median %.1f ms', random_median) \
	at random_median, 50 offset 0.9, -0.4 point pt 7 ps 0.6 \
	lc rgb '#777777' tc rgb '#777777'
set label 5 sprintf('p99 %.1f ms', web_p99) \
	at web_p99, 99 offset 0.5, 0.6 point pt 7 ps 0.6 lc rgb web tc rgb web
set label 6 sprintf('p99 %.1f ms', random_p99) \
	at random_p99, 99 offset 0.9, -0.7 point pt 7 ps 0.6 \
	lc rgb '#777777' tc rgb '#777777'
plot 'handshake-random.tsv' using 1:2 with steps lw 2 lc rgb random, \
	'handshake-web.tsv' using 1:2 with steps lw 2 lc rgb web
unset label
unset logscale

# Who wins while servers get worse.
set terminal svg size 860,300 dynamic font 'sans-serif,13' name 'shift'
set output 'shift.svg'
set xlabel 'connection, in the order of time' tc rgb text
set xtics auto
set ylabel 'winner' tc rgb text
set xrange [0:shift_n + 1]
set yrange [12.6:-0.4]
set ytics ('S1' 1, 'S2' 2, 'S3' 3, 'S4' 4, 'S5' 5, 'S6' 6, 'S7' 7, 'S8' 8, \
	'S9' 9, 'S10' 10, 'S11' 11, 'S12' 12)
set arrow 1 from event_1, -0.4 to event_1, 12.6 nohead lc rgb slow dt 2
set arrow 2 from event_2, -0.4 to event_2, 12.6 nohead lc rgb loaded dt 2
set label 1 event_1_name at event_1 + 1.5, 0 tc rgb slow
set label 2 event_2_name at event_2 + 1.5, 0 tc rgb loaded
plot 'shift.tsv' using 1:($2 == slow_server ? $2 : NaN) \
		with points pt 7 ps 0.55 lc rgb slow, \
	'' using 1:($2 == loaded_server ? $2 : NaN) \
		with points pt 7 ps 0.55 lc rgb loaded, \
	'' using 1:($2 != slow_server && $2 != loaded_server ? $2 : NaN) \
		with points pt 7 ps 0.55 lc rgb '#8a8a8a'
