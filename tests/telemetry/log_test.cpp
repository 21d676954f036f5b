// Standard error is a pipe here, so that the tests see what a journal or a terminal would get.

#include "corral/telemetry/log.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

namespace corral::telemetry {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

// Puts a pipe in the place of standard error and gives back the old one at the end.
class caught_stderr {
public:
    caught_stderr() : old_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100)) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            ADD_FAILURE() << "no pipe";
        }
        read_ = ends[0];
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[1]);
        ::fcntl(read_, F_SETFL, O_NONBLOCK);
    }
    caught_stderr(const caught_stderr&) = delete;
    caught_stderr& operator=(const caught_stderr&) = delete;
    ~caught_stderr() {
        ::dup2(old_, STDERR_FILENO);
        ::close(old_);
        close_reader();
    }
    void close_reader() {
        if (read_ >= 0) {
            ::close(std::exchange(read_, -1));
        }
    }
    [[nodiscard]] std::string text() const {
        std::string all;
        std::array<char, 4096> part{};
        for (ssize_t got = 0; (got = ::read(read_, part.data(), part.size())) > 0;) {
            all.append(part.data(), static_cast<std::size_t>(got));
        }
        return all;
    }
    [[nodiscard]] static std::string identity() {
        struct stat about {};
        ::fstat(STDERR_FILENO, &about);
        return std::to_string(about.st_dev) + ':' + std::to_string(about.st_ino);
    }

private:
    int old_;
    int read_ = -1;
};

TEST(log, has_a_time_and_a_level_on_a_terminal) {
    caught_stderr caught;
    ASSERT_EQ(::unsetenv("JOURNAL_STREAM"), 0);
    start_logging(log_level::info);
    log().info("service {} ready after {} s", "runtime", 3);
    log().warn("slow");
    log().error("broken");
    log().debug("not asked for");
    stop_logging();
    EXPECT_THAT(caught.text(),
                MatchesRegex("[0-9-]+T[0-9:.]+[+-][0-9:]+ INFO service runtime ready after 3 s\n"
                             "[0-9T:.-]+[+-][0-9:]+ WARN slow\n[0-9T:.-]+[+-][0-9:]+ ERROR broken\n"));
}

TEST(log, has_priorities_for_the_journal) {
    caught_stderr caught;
    ASSERT_EQ(::setenv("JOURNAL_STREAM", caught_stderr::identity().c_str(), 1), 0);
    start_logging(log_level::debug, "/nowhere");
    log().debug("d");
    log().info("i");
    log().warn("w");
    log().error("e");
    stop_logging();
    ASSERT_EQ(::unsetenv("JOURNAL_STREAM"), 0);
    EXPECT_EQ(caught.text(), "<7>DEBUG d\n<6>INFO i\n<4>WARN w\n<3>ERROR e\n");
}

TEST(log, knows_that_an_inherited_variable_means_another_stream) {
    caught_stderr caught;
    ASSERT_EQ(::setenv("JOURNAL_STREAM", "1:2", 1), 0);
    start_logging(log_level::info);
    log().info("i");
    stop_logging();
    ASSERT_EQ(::unsetenv("JOURNAL_STREAM"), 0);
    EXPECT_THAT(caught.text(), Not(HasSubstr("<6>")));
}

TEST(log, a_warning_ends_in_the_id_of_its_message) {
    caught_stderr caught;
    ASSERT_EQ(::unsetenv("JOURNAL_STREAM"), 0);
    start_logging(log_level::info);
    warn(line_id::of("service.port-taken"), "port {} is {{taken}}", 8000);
    warn(core::say("daemon.warden/warden-listen"));
    warn(core::reason::unlisted("{} of another"));
    stop_logging();
    const std::string text = caught.text();
    EXPECT_THAT(text, HasSubstr("WARN port 8000 is {taken} id=service.port-taken\n"));
    EXPECT_THAT(text, HasSubstr("WARN the warden does not listen id=daemon.warden\n"));
    EXPECT_THAT(text, HasSubstr("WARN {} of another\n"));
}

TEST(log, works_before_the_start_and_after_the_stop) {
    // A process that has not started logging yet, in a state of its own.
    EXPECT_EXIT(
        {
            log().warn("early");
            start_logging(log_level::info);
            log().info("meanwhile");
            stop_logging();
            stop_logging();
            log().error("late");
            std::_Exit(0);
        },
        testing::ExitedWithCode(0), "WARN early\n.*INFO meanwhile\n.*ERROR late\n");
}

TEST(log, a_reader_that_sleeps_stops_neither_the_daemon_nor_its_end) {
    const caught_stderr caught;
    start_logging(log_level::info);
    const auto begin = std::chrono::steady_clock::now();
    for (int line = 0; line < 20000; ++line) {
        log().info("{} {}", line, "some words that fill the pipe, which nobody empties while this goes on");
    }
    const auto logged = std::chrono::steady_clock::now();
    stop_logging();
    const auto stopped = std::chrono::steady_clock::now();
    EXPECT_LT(logged - begin, std::chrono::seconds{4}) << "less than one wait of the log thread";
    EXPECT_LT(stopped - logged, std::chrono::seconds{15});
    EXPECT_TRUE(caught.text().find("some words that fill") != std::string::npos) << "what fits is written";
}

TEST(log, a_reader_that_has_gone_does_not_end_the_daemon) {
    const auto before = ::signal(SIGPIPE, SIG_DFL);
    {
        caught_stderr caught;
        start_logging(log_level::info);
        caught.close_reader();
        for (int line = 0; line < 100; ++line) {
            log().info("nobody hears this");
        }
        stop_logging();
    }
    ::signal(SIGPIPE, before);
}

TEST(log, a_line_is_bounded_and_stays_one_line) {
    const caught_stderr caught;
    start_logging(log_level::info);
    log().info(std::string(100000, 'x'));
    log().info("next");
    stop_logging();
    const std::string text = caught.text();
    EXPECT_LE(text.size(), 5000U);
    EXPECT_THAT(text, HasSubstr("x\n"));
    EXPECT_THAT(text, HasSubstr("INFO next\n"));
}

TEST(log, keeps_its_last_lines_for_who_asks) {
    const auto before = recent_log(0, 0).end;
    log().warn("kept {}", 1);
    const auto tail = recent_log(before, 10);
    ASSERT_EQ(tail.lines.size(), 1U);
    EXPECT_EQ(tail.lines.front().text, "WARN kept 1");
    EXPECT_EQ(tail.end, before + 1);
}

}  // namespace
}  // namespace corral::telemetry
