#include "supervisor/service/exit_policy.hpp"

#include <csignal>

#include <gtest/gtest.h>

#include "corral/supervisor/group.hpp"

namespace corral::supervisor {
namespace {

catalog::service_template rules() {
    catalog::service_template r;
    r.exits = {{0, "its port was taken", "free the port"}, {139, "it crashed", "see the log"}};
    return r;
}

TEST(with_advice, is_one_readable_text) {
    EXPECT_EQ(with_advice(core::reason::unlisted("It crashed."), "See the log."), "It crashed. See the log.");
    EXPECT_EQ(with_advice(core::reason::unlisted("exit status 1"), "see the log"),
              "exit status 1; see the log");
    EXPECT_EQ(with_advice(core::reason::unlisted("It crashed."), ""), "It crashed.");
}

TEST(exit_policy, a_kill_for_want_of_memory_is_named) {
    const process::exit_reason killed = process::killed_by{SIGKILL, false};
    exit_story story = explain_exit(rules(), killed, nullptr);
    const core::reason before = story.reason;
    blame_memory(story, killed, {0});
    EXPECT_EQ(story.reason, before);
    blame_memory(story, killed, {1});
    EXPECT_EQ(story.reason, "ended by itself, killed by SIGKILL. Memory ran out, and the kernel killed it.");
    EXPECT_NE(story.advice, "");
    blame_memory(story, killed, {2});
    EXPECT_NE(story.reason.text().find("2 processes for that since"), std::string::npos) << story.reason;
    const process::exit_reason crashed = process::killed_by{SIGSEGV, false};
    story = explain_exit(rules(), crashed, nullptr);
    const core::reason crash = story.reason;
    blame_memory(story, crashed, {3});
    EXPECT_EQ(story.reason, crash);
}

TEST(exit_policy, names_the_memory_limit_of_the_model_where_that_was_met) {
    const process::exit_reason killed = process::killed_by{SIGKILL, false};
    exit_story story = explain_exit(rules(), killed, nullptr);
    blame_memory(story, killed, {1, true, 2048});
    EXPECT_EQ(
        story.reason,
        "ended by itself, killed by SIGKILL. The model reached its memory limit of 2048 MiB, and the kernel "
        "killed it.");
    EXPECT_NE(story.advice.find("'memory_mb'"), std::string::npos) << story.advice;
    // The account of its own group tells of a worker that was killed, after which the leader gave up.
    const process::exit_reason gave_up = process::exited_with{1};
    story = explain_exit(rules(), gave_up, nullptr);
    blame_memory(story, gave_up, {1, true, 0});
    EXPECT_EQ(story.reason,
              "ended by itself, exit status 1. Memory ran out, and the kernel killed one of its processes.");
}

TEST(exit_policy, names_the_limit_of_tasks_that_a_start_met) {
    exit_story story = explain_exit(rules(), process::killed_by{SIGABRT, false}, nullptr);
    blame_tasks(story, 16);
    EXPECT_EQ(
        story.reason,
        "ended by itself, killed by SIGABRT. Aborted. While it loaded, the model reached its limit of 16 "
        "processes and "
        "threads, and the kernel refused another.");
    EXPECT_NE(story.advice.find("'tasks'"), std::string::npos) << story.advice;
}

TEST(exit_policy, names_the_want_of_processes_instead_of_what_it_led_to) {
    const catalog::log_meaning notice{"x", "a tool is not installed", "harmless", false};
    const process::exit_reason crashed = process::killed_by{SIGSEGV, false};
    exit_story story = explain_exit(rules(), crashed, &notice);
    blame_refused_tasks(story, crashed, "run.sh: 7: Cannot fork");
    EXPECT_EQ(
        story.reason,
        "ended by itself, killed by SIGSEGV. While it loaded, the system refused it a process or thread. It "
        "said: run.sh: 7: Cannot fork");
    EXPECT_NE(story.advice.find("TasksMax"), std::string::npos) << story.advice;
}

TEST(exit_policy, counts_as_a_shell_does) {
    EXPECT_EQ(exit_status(process::exited_with{255}), 255);
    EXPECT_EQ(exit_status(process::killed_by{SIGSEGV, true}), 139);
    EXPECT_EQ(exit_status(process::lost_track{}), std::nullopt);
}

TEST(exit_policy, an_exit_without_trouble_can_be_trouble) {
    const exit_story story = explain_exit(rules(), process::exited_with{0}, nullptr);
    EXPECT_NE(story.reason.text().find("its port was taken"), std::string::npos) << story.reason;
    EXPECT_EQ(story.advice, "free the port");
}

TEST(exit_policy, what_the_service_said_beats_its_status) {
    const catalog::log_meaning said{"x", "a layer file is missing", "fetch it", true};
    const exit_story story = explain_exit(rules(), process::killed_by{SIGSEGV, false}, &said);
    EXPECT_NE(story.reason.text().find("SIGSEGV"), std::string::npos) << story.reason;
    EXPECT_NE(story.reason.text().find("a layer file is missing"), std::string::npos);
    EXPECT_EQ(story.reason.text().find("it crashed"), std::string::npos);
    EXPECT_EQ(story.advice, "fetch it");
}

TEST(exit_policy, a_harmless_notice_is_not_blamed_for_a_death) {
    const catalog::log_meaning notice{"x", "a tool is not installed", "harmless", false};
    const exit_story known = explain_exit(rules(), process::killed_by{SIGSEGV, false}, &notice);
    EXPECT_NE(known.reason.text().find("it crashed"), std::string::npos) << known.reason;
    EXPECT_EQ(known.advice, "see the log");
    const exit_story unknown = explain_exit(rules(), process::exited_with{42}, &notice);
    EXPECT_NE(
        unknown.reason.text().find("exit status 42, while loading it had said: a tool is not installed"),
        std::string::npos)
        << unknown.reason;
    EXPECT_TRUE(unknown.advice.empty());
}

TEST(exit_policy, another_service_is_blamed_where_the_profile_says_so) {
    catalog::service_template known;
    known.exits = {{255, "it could not begin", ""}, {139, "it crashed", "", false, "helper"}};
    const catalog::log_meaning no_helper{"x", "its helper is silent", "", true, false, "helper"};
    const catalog::log_meaning waits{"x", "its helper comes late", "", false, false, "helper"};
    const catalog::log_meaning no_file{"x", "a file is missing", "", true};
    const catalog::log_meaning notice{"x", "a tool is not installed", "harmless", false};
    const auto blamed = [&known](const process::exit_reason& how, const catalog::log_meaning* printed) {
        return explain_exit(known, how, printed).blames.value_or("unknown");
    };
    const process::exit_reason gave_up = process::exited_with{255};
    const process::exit_reason crashed = process::killed_by{SIGSEGV, false};
    const process::exit_reason other = process::exited_with{42};
    EXPECT_EQ(blamed(gave_up, nullptr), "");
    EXPECT_EQ(blamed(gave_up, &no_helper), "helper");
    EXPECT_EQ(blamed(gave_up, &waits), "helper");
    EXPECT_EQ(blamed(crashed, nullptr), "helper");
    EXPECT_EQ(blamed(crashed, &no_file), "") << "it has said more";
    EXPECT_EQ(blamed(other, nullptr), "unknown");
    EXPECT_EQ(blamed(other, &notice), "unknown");
    EXPECT_EQ(blamed(process::killed_by{SIGKILL, false}, nullptr), "") << "by somebody else";
    exit_story story = explain_exit(known, crashed, nullptr);
    blame_tasks(story, 16);
    EXPECT_EQ(story.blames, "");
}

TEST(exit_policy, what_is_known_of_starts_is_told_of_starts_only) {
    catalog::service_template known;
    known.exits = {{137, "killed by force", "look for memory", false},
                   {137, "it kills itself when a start fails", "look at the weights", true},
                   {1, "a start with wrong arguments", "", true}};
    const catalog::log_meaning printed{"x", "its settings are wrong", "repair them", true};
    struct row {
        process::exit_reason how;
        const catalog::log_meaning* printed;
        bool ready;
        const char* reason;
    };
    const process::exit_reason forced = process::killed_by{SIGKILL, false};
    for (const row& each :
         {row{forced, nullptr, false, "killed by SIGKILL, it kills itself when a start fails"},
          row{forced, nullptr, true, "killed by SIGKILL, killed by force"},
          row{forced, &printed, false, "killed by SIGKILL, its settings are wrong"},
          row{forced, &printed, true, "killed by SIGKILL, killed by force"},
          row{process::exited_with{1}, nullptr, false, "exit status 1, a start with wrong arguments"},
          row{process::exited_with{1}, &printed, true, "exit status 1"}}) {
        const exit_story story = explain_exit(known, each.how, each.printed, nullptr, each.ready);
        EXPECT_EQ(story.reason, std::string("ended by itself, ") + each.reason);
    }
}

TEST(exit_policy, of_a_start_the_line_that_tells_most_is_quoted) {
    const auto how = [](const catalog::log_meaning* printed, bool ready) {
        return explain_exit(rules(), process::exited_with{42}, printed, nullptr, ready, "ValueError: 'x'")
            .how;
    };
    EXPECT_EQ(how(nullptr, false), "exit status 42, it said: ValueError: 'x'");
    EXPECT_EQ(how(nullptr, true), "exit status 42");
    const catalog::log_meaning missing{"x", "A library is missing.", "", true};
    EXPECT_EQ(how(&missing, false), "exit status 42. A library is missing. It said: ValueError: 'x'");
}

TEST(exit_policy, of_a_bar_of_progress_only_the_figure_is_told) {
    const auto how = [](const char* said) {
        return explain_exit(rules(), process::exited_with{42}, nullptr, nullptr, false, said).how;
    };
    EXPECT_EQ(how(" 51% | █████████ | 20 / 39 [0.26s<0.51s, 76.21 count/s] init 11 axmodel ok,devid(0) "
                  "remain_cmm(59 MB)[E][ init][ 421]: AX_ENGINE_CreateHandle"),
              "exit status 42, 59 MB were free on card 0, it said: [E][ init][ 421]: AX_ENGINE_CreateHandle");
    EXPECT_EQ(
        how("100% | ███ | 39 / 39 [65.0s<65.0s, 0.60 count/s] init post axmodel failed,remain_cmm(12 MB)"),
        "exit status 42, 12 MB of the card's memory were free, it said: init post axmodel "
        "failed,remain_cmm(12 MB)");
    EXPECT_EQ(how("init 1 axmodel failed,devid(0) remain_cmm(-1 MB)"),
              "exit status 42, it said: init 1 axmodel failed,devid(0) remain_cmm(-1 MB)");
    EXPECT_EQ(how("[E] 40 of 100% failed"), "exit status 42, it said: [E] 40 of 100% failed");
}

TEST(exit_policy, an_unknown_status_is_told_and_nothing_is_made_up) {
    const exit_story story = explain_exit(rules(), process::exited_with{42}, nullptr);
    EXPECT_NE(story.reason.text().find("42"), std::string::npos);
    EXPECT_TRUE(story.advice.empty());
}

TEST(exit_policy, knows_a_death_that_no_fault_of_its_own_leads_to) {
    for (const int signal : {SIGKILL, SIGTERM, SIGINT, SIGHUP}) {
        EXPECT_TRUE(explain_exit(rules(), process::killed_by{signal, false}, nullptr).from_outside) << signal;
    }
    for (const int signal : {SIGSEGV, SIGABRT, SIGILL, SIGBUS, SIGFPE}) {
        EXPECT_FALSE(explain_exit(rules(), process::killed_by{signal, false}, nullptr).from_outside)
            << signal;
    }
    const auto status = [](int code, bool ready) {
        return explain_exit(rules(), process::exited_with{code}, nullptr, nullptr, ready).from_outside;
    };
    EXPECT_TRUE(status(128 + SIGTERM, true)) << "a script tells what became of its program";
    EXPECT_FALSE(status(128 + SIGSEGV, true));
    EXPECT_TRUE(status(0, true)) << "it was asked to end, and did";
    EXPECT_FALSE(status(0, false)) << "so end starts that fail, too";
    const process::exit_reason exited = process::exited_with{1};
    exit_story story = explain_exit(rules(), exited, nullptr);
    EXPECT_FALSE(story.from_outside);
    blame_memory(story, exited, {1, true, 0});
    EXPECT_TRUE(story.from_outside) << "a process of its own was killed for want of memory";
}

TEST(exit_policy, a_signal_without_a_meaning_is_told_in_plain_words) {
    EXPECT_EQ(explain_exit(rules(), process::killed_by{SIGILL, false}, nullptr).how,
              "killed by SIGILL. Illegal instruction");
}

TEST(exit_policy, what_was_printed_while_serving_is_a_guess_beside_the_cause) {
    const catalog::log_meaning said{"x", "The device failed.", "restart it", true};
    const exit_story story = explain_exit(rules(), process::killed_by{SIGSEGV, false}, nullptr, &said);
    EXPECT_EQ(story.reason,
              "ended by itself, killed by SIGSEGV, it crashed, before, it printed what may mean: The device "
              "failed.");
    EXPECT_EQ(story.advice, "see the log");
}

TEST(exit_policy, knows_an_end_that_its_signals_do_not_explain) {
    const process::exit_reason segv = process::killed_by{SIGSEGV, false};
    const process::exit_reason killed = process::killed_by{SIGKILL, false};
    const process::exit_reason well = process::exited_with{0};
    EXPECT_FALSE(explained_by(segv, {SIGKILL}));
    EXPECT_FALSE(explained_by(segv, {SIGINT, SIGKILL}));
    EXPECT_FALSE(explained_by(killed, {}));
    EXPECT_TRUE(explained_by(killed, {SIGINT, SIGKILL}));
    EXPECT_TRUE(explained_by(well, {SIGINT}));
    EXPECT_FALSE(explained_by(well, {SIGKILL})) << "nobody exits of a SIGKILL";
    EXPECT_TRUE(explained_by(process::lost_track{}, {}));
}

}  // namespace
}  // namespace corral::supervisor
