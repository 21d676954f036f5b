#include "cli/chat/chat_question.hpp"

#include <gtest/gtest.h>

namespace corral::cli {
namespace {

using json = nlohmann::ordered_json;

TEST(chat_question, says_what_it_waits_for) {
    struct row {
        const char* readiness;
        const char* words;
    };
    for (const row& each :
         {row{R"({"status":"loading","wait_seconds":42,"queue":{"waiting":1,"running":0}})",
              "the model is being loaded, about 42 s left; 7 s so far"},
          row{R"({"status":"unloaded","wait_seconds":null})", "the model is being loaded; 7 s so far"},
          row{R"({"status":"ready","wait_seconds":9,"queue":{"waiting":2,"running":1}})",
              "waiting for the first word; of the model's requests 1 running, 2 waiting; 7 s so far"},
          row{R"({"status":"ready","queue":{"waiting":0,"running":1}})",
              "waiting for the first word; 7 s so far"},
          row{"null", "waiting for the first word; 7 s so far"},
          row{R"({"status":5,"queue":[],"wait_seconds":"x"})", "waiting for the first word; 7 s so far"}}) {
        EXPECT_EQ(wait_words(json::parse(each.readiness), core::seconds{7}), each.words) << each.readiness;
    }
}

}  // namespace
}  // namespace corral::cli
