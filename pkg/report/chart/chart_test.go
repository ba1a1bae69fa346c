package chart

import (
	"encoding/xml"
	"errors"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// shapes returns the elements of a chart, which must be well-formed XML.
func shapes(t *testing.T, picture template.HTML) []xml.StartElement {
	t.Helper()
	var all []xml.StartElement
	d := xml.NewDecoder(strings.NewReader(string(picture)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok {
			all = append(all, e)
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func ofClass(all []xml.StartElement, class string) []xml.StartElement {
	var some []xml.StartElement
	for _, e := range all {
		if attr(e, "class") == class {
			some = append(some, e)
		}
	}
	return some
}

func TestScale_PlacesValuesInPercent(t *testing.T) {
	assert.Equal(t, 25.0, scale{0, 40, false}.at(10))
	assert.Equal(t, 50.0, scale{1, 100, true}.at(10))
	assert.Equal(t, 100.0, scale{0, 40, false}.at(50), "a value outside the scale is at its edge")
	assert.Equal(t, 0.0, scale{1, 100, true}.at(0))
	assert.Equal(t, 0.0, scale{7, 7, false}.at(7))
}

func TestTicks_AreRound(t *testing.T) {
	assert.Equal(t, []float64{0, 1000, 2000}, linearTicks(2862, 3))
	assert.Equal(t, []float64{0, 2, 4}, linearTicks(5, 3))
	assert.Equal(t, []float64{0}, linearTicks(0, 3))
	for top := 1.0; top < 1e12; top *= 1.7 {
		assert.LessOrEqual(t, len(linearTicks(top, 4)), 5, top)
		assert.GreaterOrEqual(t, len(linearTicks(top, 4)), 2, top)
	}
	assert.InDeltaSlice(t, []float64{0.5, 1, 2, 5, 10}, decades(0.4, 11), 1e-9)
	assert.InDeltaSlice(t, []float64{10, 100, 1000, 10000}, decades(9, 11000), 1e-6)
}

func TestClockTicks_AreRoundAndFew(t *testing.T) {
	from := time.Date(2026, 11, 24, 12, 46, 47, 123, time.UTC)
	for length := time.Second; length < 1000*time.Hour; length += length/3 + time.Second {
		ticks, layout := clockTicks(from, from.Add(length), 5)
		assert.LessOrEqual(t, len(ticks), 6, length)
		for _, tick := range ticks {
			again, err := time.Parse("2006-01-02 15:04:05", tick.Format("2006-01-02 15:04:05"))
			require.NoError(t, err)
			assert.True(t, again.Equal(tick) && !tick.Before(from), "%s: %s", length, tick.Format(layout))
		}
	}
	ticks, layout := clockTicks(from, from.Add(38*time.Second), 5)
	assert.Equal(t, "12:46:50", ticks[0].Format(layout))
}

func TestTimeline_ShowsMissingRecords(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	line := Timeline{
		Alternative: `what <is> "shown"`, From: at(0), To: at(100), Format: plain,
		Acked:      []Amount{{at(0), 0}, {at(50), 100}, {at(100), 100}},
		Reads:      []ReadPoint{{At: at(60), Acked: 100, Found: 100}, {At: at(90), Acked: 100, Found: 88}},
		Recoveries: []Recovery{{From: at(50), To: at(75), Label: "25 s"}},
		Lanes: []Lane{{Name: "a & b", Bars: []Bar{
			{From: at(0), To: at(50), Kind: Running, Label: "1"},
			{From: at(50), To: at(51), Kind: Deleting, Label: "no room"},
		}}},
	}
	picture := line.SVG()
	all := shapes(t, picture)
	assert.Equal(t, `what <is> "shown"`, attr(all[0], "aria-label"))
	assert.Equal(t, "img", attr(all[0], "role"))
	recovery := ofClass(all, "recovery")
	require.Len(t, recovery, 1)
	assert.Equal(t, "50%", attr(recovery[0], "x"))
	assert.Equal(t, "25%", attr(recovery[0], "width"))
	assert.Len(t, ofClass(all, "gone"), 1, "only the second read missed records")
	assert.Len(t, ofClass(all, "found"), 2)
	assert.Contains(t, picture, "−12")
	assert.Contains(t, picture, "a &amp; b")
	assert.NotContains(t, picture, "no room")
}

func TestTimeline_LabelsTheLongestRecoveries(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	line := Timeline{From: at(0), To: at(1000), Format: plain}
	for i := range 50 {
		line.Recoveries = append(line.Recoveries, Recovery{From: at(20 * i), To: at(20*i + 5), Label: "5 s"})
	}
	line.Recoveries[27].To, line.Recoveries[27].Label = at(20*27+9), "9 s"
	picture := line.SVG()
	assert.Contains(t, picture, ">9 s</text>")
	assert.Less(t, strings.Count(string(picture), ">5 s</text>"), 25)
	assert.Len(t, ofClass(shapes(t, picture), "deletion-mark"), 50)
}

func TestStrip_MergesCloseLabels(t *testing.T) {
	picture := Strip{
		Length: 1000, Format: plain,
		Parts:    []Part{{0, 500, Acked, "p"}, {500, 510, Damaged, "d"}},
		Marks:    []Mark{{500, 510, "1"}, {510, 510, "2"}, {520, 530, "3"}, {900, 1000, "4"}},
		Sections: []Section{{0, 500, "writer 1"}, {500, 510, "writer 2"}},
	}.SVG()
	all := shapes(t, picture)
	lost := ofClass(all, "lost")
	require.Len(t, lost, 4)
	assert.Equal(t, "50%", attr(lost[0], "x"))
	assert.Equal(t, "0%", attr(lost[1], "width"), "an empty range is a line")
	assert.Contains(t, picture, ">1–3</text>")
	assert.Contains(t, picture, ">4</text>")
	assert.NotContains(t, picture, "writer 2")
	assert.Len(t, ofClass(all, "part-acked"), 1)
}

func TestRebin_CountsEveryValueOnce(t *testing.T) {
	bins := Rebin([]Bin{{90, 110, 3}, {100, 101, 4}, {990, 1010, 2}, {50_000, 50_100, 1}})
	var n int64
	for i, b := range bins {
		n += b.Count
		if i > 0 {
			assert.InEpsilon(t, bins[i-1].To, b.From, 1e-9, "there is no gap")
		}
	}
	assert.Equal(t, int64(10), n)
	assert.Nil(t, Rebin(nil))
	all := shapes(t, Distribution{Bins: bins, Format: plain, Points: []Quantile{{100, "p50"}, {50_000, "max"}}}.SVG())
	drawn := ofClass(all, "bin")
	assert.Len(t, drawn, 3)
	height, err := strconv.ParseFloat(attr(drawn[2], "height"), 64)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, height, 2.0, "a single value is visible")
}

func TestSteps_FollowEachOther(t *testing.T) {
	steps := []Step{{1, 0, "gone"}, {3, 1, "up"}, {4, 5, "ack"}}
	all := shapes(t, Steps{Format: plain, Rows: []StepRow{{Name: "w", Total: "4 s", Steps: steps}}}.SVG())
	for class, want := range map[string][2]string{
		"step-0": {"0%", "25%"}, "step-1": {"25%", "50%"}, "step-5": {"75%", "25%"},
	} {
		found := ofClass(all, class)
		require.Len(t, found, 1)
		assert.Equal(t, want, [2]string{attr(found[0], "x"), attr(found[0], "width")}, class)
	}
}

func TestRanges_HideTheValuesBesideLongNames(t *testing.T) {
	assert.Equal(t, "ceph-rbd/graceful", shortened("ceph-rbd/graceful", "2.29 ms · 5.87 ms", narrowRoom))
	const long = "a-very-long-name-of-a-class/graceful"
	assert.Equal(t, "a-very-lon…s/graceful", shortened(long, "2.29 ms · 5.87 ms", narrowRoom))
	row := RangeRow{Name: long, Median: 1, High: 2, Max: 3, Values: "2.29 ms · 5.87 ms"}
	svg := string(Ranges{Format: plain, Rows: []RangeRow{row}}.SVG())
	assert.Contains(t, svg, `class="label over on-narrow" text-anchor="start" x="0%" y="14">`+long+"<")
	assert.Contains(t, svg, `class="label over on-wide" text-anchor="end" x="100%" y="14">`+row.Values+"<")
	assert.Contains(t, svg, `class="label over on-wide" text-anchor="start" x="0%" y="14">`+long+"<")
}

func TestSVG_WithoutData(t *testing.T) {
	for _, picture := range []template.HTML{
		Timeline{Format: plain}.SVG(), Strip{Format: plain}.SVG(), Distribution{Format: plain}.SVG(),
		Steps{Format: plain}.SVG(), Ranges{Format: plain}.SVG(), Patterns,
	} {
		assert.NotEmpty(t, shapes(t, picture))
		assert.NotContains(t, picture, "NaN")
		assert.NotContains(t, picture, "Inf")
	}
	assert.Equal(t, "0", number(math.NaN()))
	assert.Equal(t, "0", number(math.Inf(1)))
}

func TestRanges_GoFromMedianToMaximum(t *testing.T) {
	all := shapes(t, Ranges{Format: plain, Rows: []RangeRow{{"a", "1 · 10 · 100", 1, 10, 100}, {"b", "", 5, 6, 7}}}.SVG())
	thick, thin := ofClass(all, "range"), ofClass(all, "range-thin")
	require.Len(t, thick, 2)
	assert.Equal(t, attr(thick[0], "x2"), attr(thin[0], "x1"))
	assert.Less(t, percent(t, attr(thick[0], "x1")), percent(t, attr(thick[1], "x1")))
}

func percent(t *testing.T, s string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	require.NoError(t, err)
	return n
}

func TestSpans_AreToScale(t *testing.T) {
	from := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return from.Add(time.Duration(seconds) * time.Second) }
	all := shapes(t, Spans{From: from, To: at(40), Rows: []SpanRow{
		{Name: "a & b", Total: "40 s", Spans: []Span{
			{From: at(0), To: at(10), Class: "one", Label: "too long for this", Title: "one: 10 s"},
			{From: at(10), To: at(40), Class: "two", Label: "short", Title: "two <30 s>"},
		}},
		{Name: "c", Spans: []Span{{From: at(20), To: at(30), Class: "one"}}},
	}}.SVG())
	one, two := ofClass(all, "one"), ofClass(all, "two")
	require.Len(t, one, 2)
	require.Len(t, two, 1)
	assert.Equal(t, []string{"0%", "25%"}, []string{attr(one[0], "x"), attr(one[0], "width")})
	assert.Equal(t, []string{"25%", "75%"}, []string{attr(two[0], "x"), attr(two[0], "width")})
	assert.Equal(t, []string{"50%", "25%"}, []string{attr(one[1], "x"), attr(one[1], "width")})
	assert.Len(t, ofClass(all, "in-span"), 1, "a label that has no room is left out")
}
