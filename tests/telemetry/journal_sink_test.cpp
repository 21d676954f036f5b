// Journald's place is taken by a socket of the test's own.

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/temporary_folder.hpp"
#include "telemetry/log_sinks.hpp"

namespace corral::telemetry {
namespace {

using testing::HasSubstr;

class played_journal : public testing::Test {
protected:
    played_journal() { open(); }
    void open() {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        std::memcpy(at.sun_path, path().c_str(), path().size());
        socket_ = core::owned_fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0) << errno;
    }
    void close() {
        socket_.reset();
        ::unlink(path().c_str());
    }
    std::string path() const { return (folder_.path() / "socket").string(); }
    // The next datagram; empty: none is there.
    std::string take() const {
        std::array<char, 64 * 1024> part{};
        const ssize_t got = ::recv(socket_.get(), part.data(), part.size(), 0);
        return got < 0 ? std::string() : std::string(part.data(), static_cast<std::size_t>(got));
    }
    void say(spdlog::level::level_enum level, const std::string& line) {
        sink_->log(spdlog::details::log_msg("corral", level, line));
    }
    std::string fallback() {
        std::string out(4096, '\0');
        const ssize_t got = ::pread(plain_.get(), out.data(), out.size(), 0);
        out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return out;
    }

    tests::temporary_folder folder_;
    core::owned_fd socket_;
    core::owned_fd plain_{::open((folder_.path() / "stderr").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    std::shared_ptr<stderr_sink> otherwise_ = std::make_shared<stderr_sink>(plain_.get());
    std::shared_ptr<journal_sink> sink_ = std::make_shared<journal_sink>(path(), otherwise_);
};

TEST_F(played_journal, gets_a_line_with_its_fields) {
    say(spdlog::level::warn, "qwen3:4b/runtime: waiting: it died event=service.waiting");
    EXPECT_EQ(take(),
              "MESSAGE=qwen3:4b/runtime: waiting: it died event=service.waiting\nPRIORITY=4\n"
              "SYSLOG_IDENTIFIER=corral\nMODEL=qwen3:4b\nSERVICE=runtime\nEVENT=service.waiting\n");
    say(spdlog::level::info, "request id=ab model=m:1 client=x outcome=stop");
    EXPECT_THAT(take(), HasSubstr("PRIORITY=6\nSYSLOG_IDENTIFIER=corral\nMODEL=m:1\nREQUEST_ID=ab\n"));
    EXPECT_EQ(fallback(), "");
}

TEST_F(played_journal, gets_no_field_from_a_word_with_a_line_break) {
    say(spdlog::level::info, "a line\nMODEL=forged");
    EXPECT_THAT(take(), HasSubstr("MESSAGE=a line\\nMODEL=forged\n")) << "it is one line";
}

TEST_F(played_journal, that_was_started_anew_is_found_again) {
    say(spdlog::level::info, "one");
    close();
    open();
    say(spdlog::level::info, "two");
    EXPECT_THAT(take(), HasSubstr("MESSAGE=two\n"));
}

TEST_F(played_journal, that_is_gone_leaves_standard_error) {
    close();
    say(spdlog::level::err, "nobody there");
    EXPECT_THAT(fallback(), HasSubstr("nobody there"));
    open();
    say(spdlog::level::err, "there again");
    EXPECT_THAT(take(), HasSubstr("MESSAGE=there again\nPRIORITY=3\n"));
}

TEST_F(played_journal, that_reads_nothing_loses_lines_which_are_counted) {
    sink_->hurry(std::chrono::milliseconds{0});  // as at the end, when nobody waits
    int said = 0;
    const std::string long_line(20'000, 'x');
    while (said < 1000) {
        say(spdlog::level::info, long_line);
        ++said;
    }
    int kept = 0;
    while (!take().empty()) {
        ++kept;
    }
    ASSERT_LT(kept, said);
    say(spdlog::level::info, "after");
    EXPECT_THAT(take(), HasSubstr("MESSAGE=" + std::to_string(said - kept) + " log lines were dropped"));
    EXPECT_THAT(take(), HasSubstr("MESSAGE=after\n"));
    EXPECT_EQ(fallback(), "");
}

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
