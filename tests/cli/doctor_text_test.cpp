#include "cli/trouble/doctor_examination.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::cli {
namespace {

using catalog::finding;
using catalog::severity;
using testing::HasSubstr;
using testing::Not;

const finding broken{"port.taken",     severity::error, "model a", "port 8000 is already taken by x (pid 1)",
                     "they would mix", "kill 1"};
const finding slow{"pcie.slow",        severity::warning, "the device",
                   "the card is slow", "it takes longer", "seat it anew"};
const finding card{"device.card", severity::note, "the device", "card 0", "", "nothing"};

TEST(doctor_text, the_status_is_that_of_the_worst) {
    EXPECT_EQ(doctor_status({}), 0);
    EXPECT_EQ(doctor_status({card}), 0);
    EXPECT_EQ(doctor_status({slow, card}), 1);
    EXPECT_EQ(doctor_status({broken, slow, card}), 2);
}

TEST(doctor_text, a_page_groups_by_subject_and_says_why_and_what_to_do) {
    EXPECT_EQ(doctor_page({broken, slow, card}, {}),
              "model a\n"
              "  error    port 8000 is already taken by x (pid 1)  [port.taken]\n"
              "          Why: They would mix.\n"
              "          Do:  kill 1\n"
              "\n"
              "the device\n"
              "  warning  the card is slow  [pcie.slow]\n"
              "          Why: It takes longer.\n"
              "          Do:  seat it anew\n"
              "  note     card 0  [device.card]\n"
              "\n"
              "1 error, 1 warning, 1 note.\n");
    EXPECT_EQ(doctor_page({}, {}), "No findings.\n");
}

TEST(doctor_text, colours_only_where_they_are_wanted) {
    text_style coloured;
    coloured.colour = true;
    EXPECT_THAT(doctor_page({broken}, coloured), HasSubstr("\x1b["));
    EXPECT_THAT(doctor_page({broken}, {}), Not(HasSubstr("\x1b[")));
}

TEST(doctor_text, json_has_the_six_texts_of_each_finding) {
    const auto out = doctor_json({broken, card});
    ASSERT_EQ(out.size(), 2U);
    EXPECT_EQ(out[0].dump(),
              R"json({"id":"port.taken","severity":"error","subject":"model a",)json"
              R"json("what":"port 8000 is already taken by x (pid 1)","why":"they would mix",)json"
              R"json("fix":"kill 1"})json");
    EXPECT_EQ(out[1]["why"], "");
    EXPECT_EQ(doctor_json({}).dump(), "[]");
}

TEST(doctor_text, a_status_of_the_daemon_is_read_with_care) {
    const auto view = daemon_view_of(control::admin_json::parse(R"({"version": "1.2", "pid": 77, "models": [
        {"name": "a:latest", "state": "broken", "reason": "it dies", "warning": "",
         "services": [{"state": "ready", "advice": "no"}, {"state": "broken", "advice": "look"}, 3]}, 5, {}]})"));
    EXPECT_EQ(view.pid, 77);
    ASSERT_EQ(view.models.size(), 2U);
    EXPECT_EQ(view.models[0].reason, "it dies");
    EXPECT_EQ(view.models[0].advice, "look");
    EXPECT_EQ(daemon_view_of(control::admin_json::object()).pid, 0);
}

TEST(doctor_text, a_status_says_what_is_left_out_and_why_another_file_stands_in) {
    const auto view = daemon_view_of(control::admin_json::parse(R"({
        "in_place": {"served": "its last good copy", "problems": ["corral.toml:1:1: closed", 3]},
        "left_out": [{"file": "a.toml", "problems": ["a.toml: Permission denied"]}, {"file": "b.toml"}, 7]})"));
    EXPECT_EQ(view.in_place_problems, std::vector<std::string>{"corral.toml:1:1: closed"});
    EXPECT_EQ(view.left_out, std::vector<std::string>{"a.toml: Permission denied"});
}

TEST(doctor_text, a_service_that_failed_and_starts_again_is_seen_in_a_status) {
    const auto view_of = [](const char* service) {
        control::admin_json model{{"name", "a:latest"}, {"state", "loading"}, {"reason", "loading"}};
        model["services"] = control::admin_json::array({control::admin_json::parse(service)});
        control::admin_json status;
        status["models"] = control::admin_json::array({model});
        return daemon_view_of(status).models.at(0);
    };
    const auto waits =
        view_of(R"({"state": "waiting", "starts": 2, "reason": "ended by itself", "advice": "look",
                                   "ids": ["service.ended", "service.exit"]})");
    EXPECT_TRUE(waits.starts_again);
    EXPECT_EQ(waits.reason, "ended by itself");
    EXPECT_EQ(waits.advice, "look");
    EXPECT_TRUE(
        view_of(R"({"state": "starting", "starts": 3, "reason": "loading again, because it ended by itself",
                            "ids": ["service.loading-again", "service.ended"]})")
            .starts_again);
    EXPECT_FALSE(view_of(R"({"state": "starting", "starts": 1, "reason": "loading", "ids": ["service.at"]})")
                     .starts_again);
    EXPECT_FALSE(view_of(R"({"state": "waiting", "starts": 4, "reason": "waits for the service tokenizer",
                             "ids": ["service.waits-for"]})")
                     .starts_again);
    EXPECT_FALSE(view_of(R"({"state": "starting", "starts": 2, "reason": "loading again, as a person asked",
                             "ids": ["service.loading-again", "service.asked-to-stop"]})")
                     .starts_again);
}

}  // namespace
}  // namespace corral::cli
