#include "cli/status/status_page.hpp"

#include <unistd.h>

#include <gmock/gmock.h>

namespace corral::cli {
namespace {

using json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

const text_style plain{};
const text_style terminal{true, true, 100};
const text_style no_colour{false, true, 100};

json loading() {
    return json::parse(R"({"version":"1","pid":7,"uptime_seconds":61,"models":[
        {"name":"a:latest","state":"loading","progress_percent":45.4,"left_seconds":80,
         "queue":{"running":0,"waiting":2},"services":[{"name":"runtime","state":"starting","for_seconds":3,
         "progress_percent":45.4,"starts":1}]},
        {"name":"b:latest","state":"ready"}],
        "left_out":[{"file":"/x/c.toml","name":"c:latest","problems":["/x/c.toml:1:1: no"]}]})");
}

TEST(load_bar, shows_percent_and_time_left) {
    EXPECT_EQ(load_bar(45.4, 80.0, 0), "45 %, about 1 min 20 s left");
    EXPECT_EQ(load_bar(45.4, {}, 30), "[#########-------------]  45 %");
    EXPECT_EQ(load_bar(0.0, {}, 20), "[-------------]  0 %");
    EXPECT_EQ(load_bar(100.0, 0.0, 60), "[###################################]  100 %, about 0 s left");
    EXPECT_EQ(load_bar({}, 5.0, 60), "about 5 s left");
    EXPECT_EQ(load_bar({}, {}, 60), "");
    EXPECT_EQ(load_bar(250.0, {}, 8), "100 %");
}

TEST(load_bar, is_never_wider_than_its_room) {
    for (unsigned columns = 30; columns < 200; ++columns) {
        EXPECT_LE(load_bar(99.9, 8000.0, columns).size(), columns);
    }
}

TEST(status_page, is_words_for_files_and_a_bar_on_a_terminal) {
    const std::string text = status_page(loading(), plain);
    EXPECT_THAT(text, HasSubstr("  a:latest  loading 45 %, about 1 min 20 s left, 2 waiting\n"));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("[#")));
    EXPECT_THAT(text, HasSubstr("left out: /x/c.toml, model c:latest\n      /x/c.toml:1:1: no\n"));
    EXPECT_THAT(status_page(loading(), no_colour), HasSubstr("loading [####"));
    EXPECT_THAT(status_page(loading(), no_colour), Not(HasSubstr("\x1b")));
    EXPECT_THAT(status_page(loading(), terminal), HasSubstr("\x1b[32mready\x1b[0m"));
}

TEST(status_page, tells_how_long_the_box_took_to_serve) {
    auto status = loading();
    EXPECT_THAT(status_page(status, plain, true), Not(HasSubstr("power-on")));
    status["boot"] = json::parse(R"({"started":{"after_power_on":12.34,"after_start":0},
        "listening":{"after_power_on":12.5,"after_start":0.16},
        "models":[{"name":"a:latest","after_power_on":40,"after_start":27.66}],"first_answer":null})");
    EXPECT_THAT(status_page(status, plain, true),
                HasSubstr("  after power-on: Corral 12.3 s, ports 12.5 s, a:latest 40.0 s\n"));
    status["boot"]["first_answer"] = json::parse(R"({"after_power_on":90001,"after_start":30})");
    status["boot"]["started"]["after_power_on"] = 89971;
    EXPECT_THAT(status_page(status, plain, true),
                HasSubstr("  after its start: ports 0.2 s, a:latest 27.7 s, first answer 30.0 s\n"));
}

TEST(status_page, tells_what_was_saved_by_going_on_behind_what_a_model_holds) {
    auto status = loading();
    EXPECT_THAT(status_page(status, plain), Not(HasSubstr("reuse:")));
    auto& reuse = status["models"][0]["reuse"];
    reuse = {{"state", "on"}, {"why", "Proved on 2026-01-02."}, {"runs", 0}};
    EXPECT_THAT(status_page(status, plain), HasSubstr("reuse: on. Proved on 2026-01-02.\n"));
    auto broken = status;
    broken["models"][0]["state"] = "broken";
    EXPECT_THAT(status_page(broken, plain), Not(HasSubstr("reuse:")));
    reuse["runs"] = 20;
    reuse["continued"] = 12;
    reuse["prompt_tokens"] = 9000;
    reuse["cached_tokens"] = 4495;
    reuse["mistaken"] = 1;
    EXPECT_THAT(
        status_page(status, plain),
        HasSubstr("reuse: on; 12 of 20 prompts continued, 4495 of 9000 tokens (49 %) not computed anew; 1 "
                  "discarded, because the runtime held something else. Proved on 2026-01-02.\n"));
}

// A model with instances on two cards.
json on_two_cards() {
    return json::parse(R"({"version":"1","pid":7,"uptime_seconds":61,"models":[
        {"name":"a:latest","state":"ready","queue":{"running":1,"waiting":1},"instances":[
          {"name":"a:latest@0","state":"ready","services":[{"name":"runtime","state":"ready","starts":1,"for_seconds":9}]},
          {"name":"a:latest@1","state":"loading","progress_percent":40,"services":[]}]}]})");
}

TEST(status_page, is_one_entry_a_model_with_its_instances_inside) {
    const std::string text = status_page(on_two_cards(), plain);
    EXPECT_THAT(text,
                HasSubstr("  a:latest  ready, 1 running, 1 waiting\n   a:latest@0  ready\n    runtime"));
    EXPECT_THAT(text, HasSubstr("\n   a:latest@1  loading 40 %\n"));
    EXPECT_EQ(text.find("waiting"), text.rfind("waiting")) << "a request waits once";
    EXPECT_TRUE(still_loads(on_two_cards()));
    EXPECT_THAT(loads_page(on_two_cards(), plain), HasSubstr("a:latest@1  [###"));
}

TEST(status_page, of_a_stopped_model_says_who_stopped_it_and_what_brings_it_back) {
    const auto status = json::parse(
        R"({"models":[{"name":"a:latest","state":"stopped","reason":"stopped by its operator"}]})");
    EXPECT_THAT(status_page(status, plain),
                HasSubstr("reason: stopped by its operator; 'corral start a:latest' brings it back"));
}

TEST(status_page, is_one_line_for_a_model_that_is_well) {
    auto status = json::parse(R"({"name":"kitchen","version":"1","pid":7,"uptime_seconds":61,"boot":
        {"started":{"after_power_on":12,"after_start":0},"listening":{"after_power_on":12.5,"after_start":0.5},"models":[]},
        "models":[{"name":"a:latest","state":"ready","queue":{"running":1,"waiting":0},
          "memory":{"after_unload":""},"reuse":{"state":"on","why":""},"compute":{"verdict":"ok","text":"on the card"},
          "services":[{"name":"runtime","state":"ready","reason":"ready","starts":1,"for_seconds":9}]},
        {"name":"b:latest","state":"unloaded","services":[{"name":"runtime","state":"stopped"}]}]})");
    EXPECT_EQ(status_page(status, plain),
              "corral 1 on kitchen, process 7, up 1 min 1 s\n"
              "  a:latest  ready, 1 running\n"
              "  b:latest  unloaded\n");
    EXPECT_THAT(status_page(status, plain, true), HasSubstr("    runtime"));
    for (const char* const trouble :
         {R"({"warning":"slow"})", R"({"state":"broken"})", R"({"waits":"for memory"})",
          R"({"compute":{"verdict":"fallback","text":"on the CPU"}})",
          R"({"services":[{"name":"runtime","state":"waiting"}]})"}) {
        auto odd = status;
        odd["models"][0].update(json::parse(trouble));
        EXPECT_THAT(status_page(odd, plain),
                    testing::AnyOf(HasSubstr("    runtime"), HasSubstr("      compute")))
            << trouble;
    }
}

TEST(status_page, tells_what_loads) {
    EXPECT_TRUE(still_loads(loading()));
    const std::string bars = loads_page(loading(), no_colour);
    EXPECT_TRUE(bars.starts_with("a:latest  [###")) << bars;
    EXPECT_THAT(bars, Not(HasSubstr("b:latest")));
    auto done = loading();
    done["models"][0]["state"] = "ready";
    EXPECT_FALSE(still_loads(done));
    EXPECT_EQ(loads_page(done, terminal), "");
}

TEST(status_page, survives_what_is_not_a_status) {
    for (const char* odd :
         {"{}", R"({"models":1,"devices":[1],"left_out":{}})",
          R"({"models":[{"queue":3,"services":"x","state":4}],"left_out":[{"problems":7}]})"}) {
        EXPECT_FALSE(still_loads(json::parse(odd)));
        EXPECT_THAT(status_page(json::parse(odd), terminal), HasSubstr("corral"));
    }
}

TEST(terminal, counts_columns_and_neither_bytes_nor_colours) {
    EXPECT_EQ(columns_of("abc"), 3U);
    EXPECT_EQ(columns_of("\x1b[31m\xC3\xA4\xC3\xB6\x1b[0m"), 2U);
    EXPECT_EQ(columns_of("\xE6\xA8\xA1"), 2U) << "an ideograph is two columns wide";
    EXPECT_EQ(columns_of("\x1b["), 0U);
}

TEST(terminal, cuts_lines_without_counting_colours) {
    EXPECT_EQ(cut_to("abcdef\nab\n", 3), "abc\nab\n");
    EXPECT_EQ(cut_to("\x1b[31mabcdef\x1b[0m", 3), "\x1b[31mabc\x1b[0m\n");
    EXPECT_EQ(cut_to("\xC3\xA4\xC3\xB6\xC3\xBC", 2), "\xC3\xA4\xC3\xB6\n");
    EXPECT_EQ(cut_to("", 3), "");
    EXPECT_EQ(cut_to("\x1b[", 3), "\x1b[\x1b[0m\n");
}

TEST(terminal, a_pipe_is_plain) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe(ends), 0);
    EXPECT_FALSE(style_of(ends[1], {{"TERM", "xterm"}}).colour);
    EXPECT_FALSE(style_of(ends[1], {}).live);
    ::close(ends[0]);
    ::close(ends[1]);
}

}  // namespace
}  // namespace corral::cli
