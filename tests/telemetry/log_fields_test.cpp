#include "telemetry/log_fields.hpp"

#include <gtest/gtest.h>

namespace corral::telemetry {
namespace {

std::string about(std::string_view line) {
    const log_fields of = fields_of(line);
    return std::string(of.model) + "|" + std::string(of.service) + "|" + std::string(of.event) + "|" +
           std::string(of.request);
}

TEST(log_fields, a_service_is_named_by_its_label) {
    EXPECT_EQ(about("qwen3:4b/runtime: ready (process 7): ready event=service.ready"),
              "qwen3:4b|runtime|service.ready|");
    EXPECT_EQ(about("org/qwen3:4b@1/runtime: stopping"), "org/qwen3:4b@1|runtime||");
    EXPECT_EQ(about("qwen3:4b: takes 5000 MB of device memory"), "qwen3:4b|||");
    EXPECT_EQ(about("model qwen3:4b: stopped by its operator event=model.suspended"),
              "qwen3:4b||model.suspended|");
}

TEST(log_fields, a_request_has_its_id_and_its_model) {
    EXPECT_EQ(about("request id=ab12 model=qwen3:4b client=anna tokens=3 outcome=stop"), "qwen3:4b|||ab12");
    EXPECT_EQ(about("request id=ab12 model=m:1 event=embedding.done texts=2"), "m:1||embedding.done|ab12");
    EXPECT_EQ(about("model=m:1 event=load.failed cause=x why=\"y\""), "m:1||load.failed|");
}

TEST(log_fields, what_is_quoted_or_no_label_says_nothing) {
    EXPECT_EQ(about("listening on http://127.0.0.1:11434 event=listening"), "||listening|");
    EXPECT_EQ(about("the configuration is read again: /etc/corral/corral.toml"), "|||");
    EXPECT_EQ(about("http://127.0.0.1:1: refused"), "|||");
    EXPECT_EQ(about("tokenizer tap: gone"), "|||");
    EXPECT_EQ(about("request id=a model=m:1 outcome=failed why=\"x event=forged id=b\""), "m:1|||a");
    EXPECT_EQ(about("stopped"), "|||");
    EXPECT_EQ(about(""), "|||");
    EXPECT_EQ(about("nobody knows id=service.port-taken"), "|||") << "the id of a message is no request's";
}

TEST(log_fields, a_value_with_line_breaks_has_its_length_before_it) {
    EXPECT_EQ(journal_datagram({{"MESSAGE", "one"}, {"MODEL", "m=1"}}), "MESSAGE=one\nMODEL=m=1\n");
    const std::string size{"\x03\0\0\0\0\0\0\0", 8};
    EXPECT_EQ(journal_datagram({{"MESSAGE", "a\nb"}, {"P", "6"}}), "MESSAGE\n" + size + "a\nb\nP=6\n");
}

}  // namespace
}  // namespace corral::telemetry
