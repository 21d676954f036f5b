// Calls whose arguments don't fit their tool, over the whole generation path.

#include <gmock/gmock.h>

#include "corral/telemetry/metrics.hpp"
#include "generation_driver.hpp"

namespace corral::generation {
namespace {

using test::reading;
using testing::HasSubstr;

class generation_calls : public test::generation_test {
protected:
    generation_calls() {
        generation_options options;
        options.metrics = &figures;
        build(options);
        backend.entry.family = "qwen2.5";
    }
    static chat::generation_request asking() {
        chat::generation_request out = request("Dim it.");
        out.tools = nlohmann::ordered_json::parse(
            R"([{"type":"function","function":{"name":"dim","parameters":{"type":"object","properties":)"
            R"({"level":{"type":"integer","maximum":100}},"required":["level"]}}}])");
        return out;
    }
    static std::string call(const std::string& level) {
        return R"(<tool_call>{"name": "dim", "arguments": {"level": )" + level + "}}</tool_call>";
    }
    void counted(const char* how) {
        EXPECT_THAT(figures.text(), HasSubstr(std::string(R"(corral_tool_calls_total{arguments=")") + how +
                                              R"(",model="tiny:latest"} 1)"));
    }

    telemetry::metrics figures;
};

TEST_F(generation_calls, a_number_in_quotes_is_a_number) {
    backend.script = {saying({call(R"("30")")})};
    const reading got = read(asking());
    ASSERT_EQ(got.calls.size(), 1U);
    EXPECT_EQ(got.calls[0].arguments.dump(), R"({"level":30})");
    EXPECT_EQ(backend.seen.size(), 1U);
    counted("repaired");
}

TEST_F(generation_calls, one_that_fits_goes_out_as_it_is) {
    backend.script = {saying({call("30")})};
    EXPECT_EQ(read(asking()).calls.at(0).arguments.dump(), R"({"level":30})");
    counted("fitting");
}

TEST_F(generation_calls, one_that_does_not_fit_is_asked_for_again_in_silence) {
    backend.script = {saying({"Let me see. ", call("3000"), " more"}),
                      saying({"Sorry. ", call("30"), call("31")})};
    const reading got = read(asking());
    EXPECT_EQ(got.order, "tccf");
    EXPECT_EQ(got.text, "Let me see.");
    ASSERT_EQ(got.calls.size(), 2U);
    EXPECT_EQ(got.calls[0].arguments.dump(), R"({"level":30})");
    ASSERT_EQ(backend.seen.size(), 2U);
    const std::string& turns = backend.seen[1].prompt.turns;
    EXPECT_THAT(turns, HasSubstr("3000"));
    EXPECT_THAT(turns, HasSubstr("$.level: expected number less than or equal to 100"));
    EXPECT_THAT(figures.text(), HasSubstr(R"(arguments="corrected",model="tiny:latest"} 2)"));
}

TEST_F(generation_calls, the_run_of_one_that_does_not_fit_is_stopped) {
    test::scripted_run first = saying({call(R"("much")"), "a long story"});
    first.gate_after_text = true;
    backend.script = {first, saying({call("30")})};
    EXPECT_EQ(read(asking()).calls.at(0).arguments.dump(), R"({"level":30})");
    EXPECT_EQ(backend.cancelled, 1);
}

TEST_F(generation_calls, the_second_one_goes_out_whatever_it_is) {
    backend.script = {saying({call("3000")}), saying({call("2000")}), saying({call("30")})};
    const reading got = read(asking());
    ASSERT_EQ(got.calls.size(), 1U);
    EXPECT_EQ(got.calls[0].arguments.dump(), R"({"level":2000})");
    EXPECT_EQ(backend.seen.size(), 2U);
    counted("wrong");
}

TEST_F(generation_calls, without_a_second_one_the_first_goes_out) {
    for (const auto& second : {saying({"I can't."}), failing(false), failing(true, true)}) {
        backend.seen.clear();
        backend.script = {saying({"Hm. ", call("3000")}), second};
        const reading got = read(asking());
        EXPECT_EQ(got.text, "Hm.");
        ASSERT_EQ(got.calls.size(), 1U);
        EXPECT_EQ(got.calls[0].arguments.dump(), R"({"level":3000})");
        EXPECT_TRUE(got.finished);
        EXPECT_EQ(backend.seen.size(), 2U);
    }
}

TEST_F(generation_calls, one_behind_a_call_that_is_out_goes_out_too) {
    backend.script = {saying({call("30"), call("3000")})};
    const reading got = read(asking());
    ASSERT_EQ(got.calls.size(), 2U);
    EXPECT_EQ(got.calls[1].arguments.dump(), R"({"level":3000})");
    EXPECT_EQ(backend.seen.size(), 1U);
}

TEST_F(generation_calls, one_where_the_client_wants_no_more) {
    chat::generation_request what = asking();
    what.one_call = true;
    test::scripted_run several = saying({"Now. ", call("30"), "\n", "<tool_call>", call("31")});
    several.gate_after_text = true;
    backend.script = {several};
    const reading got = read(what);
    EXPECT_EQ(got.order, "tcf");
    EXPECT_EQ(got.calls.at(0).arguments.dump(), R"({"level":30})");
    EXPECT_EQ(got.finished->reason, chat::finish_reason::stop);
    EXPECT_EQ(backend.cancelled, 1);
    backend.script = {saying({call("30"), "\n"})};
    EXPECT_EQ(read(what).order, "cf");
    EXPECT_EQ(backend.cancelled, 1) << "it ended by itself";
    backend.script = {saying({call("3000"), call("30")}), saying({call("31"), call("32")})};
    EXPECT_EQ(read(what).order, "cf");
}

}  // namespace
}  // namespace corral::generation
