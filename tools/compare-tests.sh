#!/bin/sh
# Compares what two test runs passed, case by case: tools/compare-tests.sh HERE THERE SKIPS
# HERE and THERE are build folders whose tests.xml is what ctest kept of a run (of several, one after the other: the
# last word on each test counts). Prints counts by label, conformance counts by PE, and what HERE passed and THERE did not.
# SKIPS has the reasons, one a line: LABEL/TEST | REASON, LABEL/TEST:CASE | REASON, PE | REASON or, for one table of
# models on a PE, LABEL/TEST: TABLE on PE | REASON; # begins a comment.
# Exit 1 where something failed, or is missing or skipped THERE without a reason. More that passes THERE needs none.
set -eu
for log in "$1/tests.xml" "$2/tests.xml" "$3"; do
    [ -r "$log" ] || { echo "$log is not there" >&2; exit 1; }
done

exec awk -v here="$1" -v there="$2" '
    # results[side, test, case]: passed, skipped, failed. A test that reports no cases is its own and only one.
    function note(what, result) {
        n_cases[side, test]++
        cases[side, test, n_cases[side, test]] = what
        results[side, test, what] = result
    }
    function begin(name,   i) {
        test = name
        for (i = 1; i <= n_cases[side, test]; i++)
            delete results[side, test, cases[side, test, i]]
        n_cases[side, test] = 0
        if (!(test in seen)) {
            seen[test] = 1
            order[++n_tests] = test
        }
        for (i = 1; i <= n_counts; i++)
            if (index(counts[i], test ": ") == 1) delete count[side, counts[i]]
    }
    # The verdict on the program. Cases that passed before a crash are known; the crash itself is one that failed.
    function end(result,   i, failed) {
        verdict[side, test] = result
        for (i = 1; i <= n_cases[side, test]; i++)
            failed = failed || results[side, test, cases[side, test, i]] == "failed"
        if (n_cases[side, test] == 0 || (result == "failed" && !failed))
            note("", result)
    }
    function label(name) { sub(/\/.*/, "", name); return name }
    # Of counts of a PE: what passed, with none that failed; -1 otherwise.
    function passes(counts) { return counts ~ / passed, 0 failed,/ ? counts + 0 : -1 }
    function title(test, what) { return what == "" ? test : test ":" what }
    function reason(test, what) {
        if (title(test, what) in why) return why[title(test, what)]
        return test in why ? why[test] : ""
    }

    FNR == 1 { side++ }
    side == 1 { # the reasons
        if ($0 !~ /^#/ && split($0, part, / +[|] +/) == 2) why[part[1]] = part[2]
        next
    }
    { # ctest writes XML, a line as it was printed a line of it
        sub(/^[ \t]*<system-out>/, "")
        sub(/<\/system-out>$/, "")
        gsub(/&lt;/, "<"); gsub(/&gt;/, ">"); gsub(/&quot;/, "\""); gsub(/&apos;/, "\047"); gsub(/&amp;/, "\\&")
    }
    /^[ \t]*<testcase name="/ {
        split($0, part, "\"")
        begin(part[2])
        result = "passed"
    }
    /^[ \t]*<failure message=/ { result = "failed" }
    /^[ \t]*<skipped message=/ { result = /="SKIP_RETURN_CODE=/ ? "skipped" : "failed" }
    /^\[       OK \] / { note(substr($0, 14), "passed") }
    /^\[  SKIPPED \] / && !/ test\(s\)/ { if (!((side, test, substr($0, 14)) in results)) note(substr($0, 14), "skipped") }
    /^\[  FAILED  \] / && !/ test\(s\)/ { if (!((side, test, substr($0, 14)) in results)) note(substr($0, 14), "failed") }
    / on [a-z]+\/[a-z]+: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped, [0-9]+ not supported$/ {
        key = $0
        sub(/: [0-9]+ passed.*/, "", key)
        found = substr($0, length(key) + 3)
        key = test ": " key
        if (!(key in known)) { known[key] = 1; counts[++n_counts] = key }
        count[side, key] = found
    }
    /^[ \t]*<\/testcase>/ { end(result) }

    END {
        for (t = 1; t <= n_tests; t++) {
            test = order[t]
            l = label(test)
            if (!(l in labels)) { labels[l] = 1; label_order[++n_labels] = l }
            for (side = 2; side <= 3; side++)
                for (i = 1; i <= n_cases[side, test]; i++)
                    total[side, l, results[side, test, cases[side, test, i]]]++
            for (i = 1; i <= n_cases[3, test]; i++)
                if (results[3, test, cases[3, test, i]] == "failed") { bad++; failures[++n_failures] = title(test, cases[3, test, i]) }
            for (i = 1; i <= n_cases[2, test]; i++) {
                what = cases[2, test, i]
                if (results[2, test, what] != "passed" || results[3, test, what] ~ /passed|failed/) continue
                if (!((3, test) in verdict)) { state = "not run" } else state = "skipped"
                r = reason(test, what)
                if (r == "") bad++
                used[(title(test, what) in why) ? title(test, what) : test] = 1
                differs[++n_differs] = title(test, what) " (" state "): " (r == "" ? "WITHOUT A REASON" : r)
            }
        }
        printf "%s is what %s is compared with. Cases:\n\n", here, there
        printf "%-14s %8s %8s %8s   %8s %8s %8s\n", "", "passed", "skipped", "failed", "passed", "skipped", "failed"
        for (i = 1; i <= n_labels; i++) {
            l = label_order[i]
            printf "%-14s", l
            for (side = 2; side <= 3; side++)
                printf " %8d %8d %8d  ", total[side, l, "passed"], total[side, l, "skipped"], total[side, l, "failed"]
            print ""
            for (side = 2; side <= 3; side++) {
                sum[side, 1] += total[side, l, "passed"]; sum[side, 2] += total[side, l, "skipped"]; sum[side, 3] += total[side, l, "failed"]
            }
        }
        printf "%-14s %8d %8d %8d   %8d %8d %8d\n", "all", sum[2, 1], sum[2, 2], sum[2, 3], sum[3, 1], sum[3, 2], sum[3, 3]
        if (n_differs) print "\nPassed in " here ", not in " there ":"
        for (i = 1; i <= n_differs; i++) print "  " differs[i]

        for (i = 1; i <= n_counts; i++) {
            key = counts[i]
            a = count[2, key]; b = count[3, key]
            if (a == b) { same++; continue }
            pe = key
            sub(/.* on /, "", pe)
            r = key in why ? why[key] : (pe in why ? why[pe] : "")
            if (r == "" && (a == "" || passes(b) >= passes(a))) r = "nothing is lost"
            if (r == "") bad++
            line[++n_lines] = "  " key ": " (a == "" ? "none" : a) "; there " (b == "" ? "none" : b) ": " (r == "" ? "WITHOUT A REASON" : r)
        }
        if (n_counts) printf "\nConformance counts of a PE in a table of models: %d the same, %d not\n", same, n_lines
        for (i = 1; i <= n_lines; i++) print line[i]
        for (i = 1; i <= n_failures; i++) print "FAILED in " there ": " failures[i]
        exit bad > 0
    }' "$3" "$1/tests.xml" "$2/tests.xml"
