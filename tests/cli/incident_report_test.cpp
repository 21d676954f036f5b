#include "cli/trouble/incident_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corral/core/json.hpp"

namespace corral::cli {
namespace {

using json = nlohmann::ordered_json;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

json bundle() {
    return json::parse(R"({
        "schema": 1, "corral": "1.2.3", "time": "2026-11-25T10:00:00.000Z", "model": "qwen3:4b", "kind": "crash",
        "trigger": {"time": "2026-11-25T10:00:00.000Z", "service": "runtime", "event": "ended", "pid": 7,
                    "sentence": "MARK it said", "ids": ["service.crashed"], "advice": "MARK"},
        "services": [{"name": "runtime", "state": "waiting", "starts": 2, "reason": "MARK", "lines": ["MARK", "MARK"]}],
        "history": [{"service": "runtime", "from": "ready", "to": "waiting", "reason": "MARK", "ids": ["a", "b"]}],
        "requests": {"inside": [{"id": "MARK", "model": "MARK", "prompt_bytes": 12, "outcome": "running", "why": "MARK"}]},
        "device": [{"tool": "axcl-smi", "problem": "MARK", "cards": [{"card": 0, "temperature_c": 61}]}],
        "unknown": {"text": "MARK", "name": "MARK"}
    })");
}

json told(const json& of) {
    return core::parse_json<json>(report_text(of, "20261125T100000.000000Z-qwen3-4b.json", "kitchen"));
}

TEST(incident_report, says_what_happened_by_ids_and_figures) {
    const json out = told(bundle());
    EXPECT_EQ(out["box"]["name"], "kitchen");
    EXPECT_EQ(out["name"], "20261125T100000.000000Z-qwen3-4b.json");
    const json& what = out["incident"];
    EXPECT_EQ(what["kind"], "crash");
    EXPECT_EQ(what["trigger"]["ids"], json::array({"service.crashed"}));
    EXPECT_EQ(what["services"][0]["starts"], 2);
    EXPECT_EQ(what["history"][0]["ids"], json::array({"a", "b"}));
    EXPECT_EQ(what["requests"]["inside"][0], (json{{"prompt_bytes", 12}, {"outcome", "running"}}));
    EXPECT_EQ(what["device"][0]["cards"][0]["temperature_c"], 61);
}

TEST(incident_report, has_no_sentence_no_line_and_nothing_of_a_client) {
    EXPECT_THAT(report_text(bundle(), "n", "b"), Not(HasSubstr("MARK")));
}

TEST(incident_report, of_a_damaged_bundle_says_what_is_left) {
    EXPECT_EQ(
        told(json::parse(R"({"kind": 3, "trigger": "x", "history": [[[]]], "services": null})"))["incident"],
        json::parse(R"({"corral": "", "time": "", "model": "", "kind": "", "history": []})"));
}

TEST(incident_report, that_is_long_is_shortened_from_its_history_on) {
    json of = bundle();
    for (int i = 0; i < 2000; ++i) {
        of["history"].push_back(of["history"][0]);
    }
    const std::string text = report_text(of, "n", "b");
    EXPECT_LE(text.size(), 64U * 1024);
    const json out = core::parse_json<json>(text);
    EXPECT_EQ(out["shortened"], true);
    EXPECT_FALSE(out["incident"].contains("history"));
    EXPECT_TRUE(out["incident"].contains("requests"));
}

TEST(report_verdict, is_final_only_where_this_incident_is_meant) {
    for (const unsigned good : {200U, 201U, 204U}) {
        EXPECT_EQ(verdict_of(good), report_verdict::taken) << good;
    }
    for (const unsigned this_one : {400U, 409U, 413U, 422U}) {
        EXPECT_EQ(verdict_of(this_one), report_verdict::refused) << this_one;
    }
    for (const unsigned later : {301U, 401U, 403U, 404U, 408U, 429U, 500U, 503U}) {
        EXPECT_EQ(verdict_of(later), report_verdict::later) << later;
    }
}

const report_ledger::time noon{hours(500'000)};

TEST(report_ledger, sends_each_incident_once_in_order) {
    report_ledger one;
    EXPECT_THAT(one.unsent({"a", "b", "c"}), ElementsAre("a", "b", "c"));
    one.settle("b");
    one = report_ledger::parse(one.text());
    EXPECT_THAT(one.unsent({"a", "b", "c"}), ElementsAre("a", "c"));
    one.keep({"a", "c"});
    EXPECT_THAT(one.unsent({"b"}), ElementsAre("b")) << "it is not remembered for ever";
}

TEST(report_ledger, waits_twice_as_long_after_each_failure_and_six_hours_at_most) {
    report_ledger one;
    EXPECT_EQ(one.wait(noon), seconds(0));
    for (const minutes pause : {minutes(1), minutes(2), minutes(4), minutes(8), minutes(16), minutes(32),
                                minutes(64), minutes(128), minutes(256), minutes(360), minutes(360)}) {
        one.fail(noon);
        one = report_ledger::parse(one.text());
        EXPECT_EQ(one.wait(noon), pause);
    }
    EXPECT_EQ(one.wait(noon + hours(7)), seconds(0));
    EXPECT_EQ(one.wait(noon - hours(100)), seconds(0)) << "a clock that was set back waits for no other day";
    one.settle("a");
    EXPECT_EQ(one.wait(noon), seconds(0));
}

TEST(report_ledger, that_is_damaged_or_of_another_version_is_an_empty_one) {
    for (const char* const text : {"", "{", "[]", R"({"format": 2, "settled": ["a"]})",
                                   R"({"format": 1, "settled": [3], "failures": -1e300, "next": 1e300})"}) {
        const report_ledger one = report_ledger::parse(text);
        EXPECT_THAT(one.unsent({"a"}), ElementsAre("a")) << text;
        EXPECT_LE(one.wait(noon), hours(6)) << text;
    }
}

}  // namespace
}  // namespace corral::cli
