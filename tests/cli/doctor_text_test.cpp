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
    EXPECT_EQ(doctor_page({}, {}), "Nothing was found.\n");
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

}  // namespace
}  // namespace corral::cli
