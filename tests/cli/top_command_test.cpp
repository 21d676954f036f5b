#include "cli/status/top_command.hpp"

#include <gmock/gmock.h>

namespace corral::cli {
namespace {

using json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

json status() {
    return json::parse(R"({"version":"1.2","uptime_seconds":3661,"queue":{"running":1,"waiting":2},
        "devices":[{"tool":"axcl-smi","cards":[{"card":0,"name":"AX650N","memory_used_mb":4000,"memory_total_mb":7040,
                                                "npu_percent":87,"temperature_c":51}]}],
        "models":[{"name":"a:latest","state":"ready","queue":{"running":1,"waiting":2},"tokens_per_second":12.5,
                   "instances":[{"name":"a:latest@0","state":"ready","tokens_per_second":12.5,"memory":{"cards":[0]}},
                                {"name":"a:latest@1","state":"loading","progress_percent":40,"left_seconds":9}]}]})");
}

json requests() {
    return json::parse(R"({"running":[{"id":"r1","model":"a:latest","pieces":40}],
        "waiting":[{"id":"r2","model":"a:latest","position":1,"waited_seconds":12,"estimate_seconds":8}],"recent":[]})");
}

TEST(top_page, has_models_queue_speed_cards_and_incidents) {
    const json incidents =
        json::parse(R"([{"time":"2026-11-24 01:02","model":"a:latest","sentence":"killed by SIGKILL"}])");
    const std::string page = top_page(status(), requests(), incidents, {});
    EXPECT_THAT(page, HasSubstr("corral 1.2  1 running, 2 waiting, 12.5 tokens/s; up 1 h 1 min\n"));
    EXPECT_THAT(page, HasSubstr("a:latest@1  loading 40 %, about 9 s left"));
    EXPECT_THAT(page, HasSubstr("r1       a:latest  runs"));
    EXPECT_THAT(page, HasSubstr("behind 1  waits for 12 s, turn in about 8 s\n"));
    EXPECT_THAT(page, HasSubstr("AX650N  4000 of 7040 MB  87 %  51 C\n"));
    EXPECT_THAT(page, HasSubstr("2026-11-24 01:02  a:latest  killed by SIGKILL\n"));
    EXPECT_THAT(page, Not(HasSubstr("\x1b")));
}

TEST(top_page, of_an_empty_box_says_what_to_do) {
    EXPECT_THAT(top_page(json::object(), {}, {}, {}), HasSubstr("There is no model yet: 'corral search'"));
}

TEST(top_page, leaves_zeros_out_and_cards_that_hold_nothing) {
    const json idle =
        json::parse(R"({"version":"1.2","uptime_seconds":7,"queue":{"running":0,"waiting":0},"models":[
        {"name":"a","state":"unloaded","queue":{"running":0,"waiting":0},"memory":{"cards":[0]}}]})");
    EXPECT_EQ(top_page(idle, {}, {}, {}),
              "corral 1.2  idle; up 7 s\n\n"
              "MODEL  STATE     CARDS  RUN  WAIT  TOKENS/S\n"
              "a      unloaded                    \n\n");
}

TEST(top_page, survives_what_is_no_status) {
    for (const char* const odd :
         {"null", "[]",
          R"({"queue":7,"models":[{"queue":[],"memory":3,"instances":[1]}],"devices":[{"cards":"x"}]})",
          R"({"models":[{"memory":{"cards":["a",null]}}]})"}) {
        EXPECT_THAT(top_page(json::parse(odd), json::parse(odd), json::parse(odd), {}), HasSubstr("corral"));
    }
}

TEST(top_page, is_no_longer_than_a_screen_however_many_ask) {
    json many = requests();
    for (int i = 0; i < 500; ++i) {
        many["waiting"].push_back(many["waiting"][0]);
    }
    const std::string page = top_page(status(), many, {}, {});
    EXPECT_LT(std::ranges::count(page, '\n'), 30);
    EXPECT_THAT(page, HasSubstr("more\n"));
}

}  // namespace
}  // namespace corral::cli
