# SPDX-License-Identifier: MIT
# table.awk - from the figures of all rounds to the table (form=text) or to one
# line a figure (form=csv).
#
# Reads, with tabs between: section NAME TITLE; subjects NAME "A B C"; ratios
# NAME "A/B A/C"; geomean NAME FIGURE, over all figures that end so; figure SECTION
# FIGURE SUBJECT VALUE own|shared.

$1 == "section" { order[++sections] = $2; title[$2] = $3 }
$1 == "subjects" { columns[$2] = $3 }
$1 == "ratios" { ratio_columns[$2] = $3 }
$1 == "geomean" { mean_of[$2, ++means[$2]] = $3 }
$1 == "figure" {
    row = $2 SUBSEP $3
    if (!(row in shared)) {
        figure_of[$2, ++figures[$2]] = $3
        shared[row] = 0
    }
    if ($6 == "shared") shared[row] = 1
    values[row, $4, ++count[row, $4]] = $5 + 0
}

# Sorts the subject's values in place (there are few) and sets middle, least, most.
function summarize(row, subject,    n, i, j, held) {
    n = count[row, subject]
    if (n == 0) return 0
    for (i = 2; i <= n; i++) {
        held = values[row, subject, i]
        for (j = i - 1; j > 0 && values[row, subject, j] > held; j--)
            values[row, subject, j + 1] = values[row, subject, j]
        values[row, subject, j + 1] = held
    }
    least = values[row, subject, 1]
    most = values[row, subject, n]
    middle = n % 2 ? values[row, subject, (n + 1) / 2] \
                   : (values[row, subject, n / 2] + values[row, subject, n / 2 + 1]) / 2
    return n
}

function median(row, subject) { return summarize(row, subject) ? middle : -1 }

function spread() { return middle > 0 ? 100 * (most - least) / middle : 0 }

# Three digits, without an exponent.
function short(value) {
    if (value >= 100 || value == 0) return sprintf("%.0f", value)
    if (value >= 10) return sprintf("%.1f", value)
    if (value >= 1) return sprintf("%.2f", value)
    if (value >= 0.1) return sprintf("%.3f", value)
    return sprintf("%.4f", value)
}

# The least median of all subjects but one.
function fastest(row, section, but,    names, n, i, value, best) {
    n = split(columns[section], names, " ")
    best = -1
    for (i = 1; i <= n; i++) {
        value = names[i] == but ? -1 : median(row, names[i])
        if (value > 0 && (best < 0 || value < best)) best = value
    }
    return best
}

# "A/B" as a number, or "" when there is none to give.
function ratio(row, section, name,    sides, over, under) {
    split(name, sides, "/")
    over = median(row, sides[1])
    under = sides[2] == "fastest" ? fastest(row, section, sides[1]) : median(row, sides[2])
    return shared[row] || over < 0 || under <= 0 ? "" : sprintf("%.2f", over / under)
}

function cell(row, subject) {
    if (!summarize(row, subject)) return "-"
    return short(middle) (count[row, subject] > 1 ? sprintf(" (%.0f%%)", spread()) : "")
}

function text_section(section,    names, n, ratios, r, i, f, row, line) {
    n = split(columns[section], names, " ")
    r = split(ratio_columns[section], ratios, " ")
    printf "\n%s: %s\n", section, title[section]
    line = sprintf("  %-29s", "")
    for (i = 1; i <= n; i++) line = line sprintf(" %15s", names[i])
    for (i = 1; i <= r; i++) line = line sprintf("  %s", ratios[i])
    print line
    for (f = 1; f <= figures[section]; f++) {
        row = section SUBSEP figure_of[section, f]
        line = sprintf("  %-29s", figure_of[section, f])
        for (i = 1; i <= n; i++) line = line sprintf(" %15s", cell(row, names[i]))
        for (i = 1; i <= r && !shared[row]; i++)
            line = line sprintf("  %" length(ratios[i]) "s", ratio(row, section, ratios[i]))
        if (shared[row]) line = line "  (shared machine)"
        sub(/ +$/, "", line)
        print line
    }
}

function csv_section(section,    names, n, ratios, r, i, j, f, row, n_values, sides) {
    n = split(columns[section], names, " ")
    r = split(ratio_columns[section], ratios, " ")
    for (f = 1; f <= figures[section]; f++) {
        row = section SUBSEP figure_of[section, f]
        for (i = 1; i <= n; i++) {
            n_values = summarize(row, names[i])
            if (!n_values) continue
            printf "%s,\"%s\",%s,%.9g,%.9g,%.9g,%.1f,%d,%s", section, figure_of[section, f],
                names[i], middle, least, most, spread(), n_values, shared[row] ? "shared" : "own"
            for (j = 1; j <= r; j++) {
                split(ratios[j], sides, "/")
                if (sides[1] == names[i] && ratio(row, section, ratios[j]) != "")
                    printf ",%s,%s", ratios[j], ratio(row, section, ratios[j])
            }
            printf "\n"
        }
    }
}

function ends_with(text, end) {
    return length(text) >= length(end) && substr(text, length(text) - length(end) + 1) == end
}

# As one more figure of the section, of the medians of all that end so; a subject that
# lacks one of them has none.
function add_geomean(section, figure,    names, n, i, f, row, made, sum, count_of, value) {
    n = split(columns[section], names, " ")
    made = section SUBSEP "geometric mean " figure
    shared[made] = 0
    for (i = 1; i <= n; i++) {
        sum = count_of = 0
        for (f = 1; f <= figures[section]; f++) {
            row = section SUBSEP figure_of[section, f]
            if (!ends_with(figure_of[section, f], " " figure)) continue
            if (shared[row]) shared[made] = 1
            value = median(row, names[i])
            if (value <= 0) break
            sum += log(value)
            count_of++
        }
        if (f > figures[section] && count_of > 0) values[made, names[i], ++count[made, names[i]]] = exp(sum / count_of)
    }
    return "geometric mean " figure
}

function add_geomeans(section,    m, added, name) {
    for (m = 1; m <= means[section]; m++) name[m] = add_geomean(section, mean_of[section, m])
    for (m = 1; m <= means[section]; m++) figure_of[section, ++figures[section]] = name[m]
}

END {
    for (s = 1; s <= sections; s++) add_geomeans(order[s])
    if (form == "csv")
        print "row,figure,subject,median,least,most,spread_percent,values,machine,ratio_name,ratio,ratio_name_2,ratio_2"
    for (s = 1; s <= sections; s++) {
        if (form == "csv") csv_section(order[s])
        else text_section(order[s])
    }
}
