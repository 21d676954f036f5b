// Runs over the tap, with everything wrong that the facts know of.
#include <csignal>

#include <fstream>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "simulated.hpp"

namespace corral::engine {
namespace {

class ax_poll_trouble : public simulated {
protected:
    // Cancels `after` from now; negative: when the first piece comes.
    told ask_and_cancel(run_spec what, milliseconds after) {
        text_sink sink;
        run_control control(context.on);
        boost::asio::steady_timer timer(io);
        if (after < milliseconds{0}) {
            sink.on_piece = [&control] { control.cancel(); };
        } else {
            timer.expires_after(after);
            timer.async_wait([&control](boost::system::error_code error) {
                if (!error) {
                    control.cancel();
                }
            });
        }
        return ask(std::move(what), sink, control);
    }
};

TEST_F(ax_poll_trouble, a_cancelled_run_leaves_nothing_at_any_moment) {
    scenario["timing"]["tokens_per_second"] = 100;
    scenario["timing"]["prefill_ms_per_chunk"] = 30;
    start();
    for (const int ms : {0, 1, 5, 20, 35, 50, 65, 80, 120, 200, 400, -1}) {
        const told got = ask_and_cancel(request("[[n=300]]"), milliseconds{ms});
        EXPECT_EQ(got.outcome.end, run_end::cancelled) << ms;
        expect_clean();
        expect_right();
    }
}

// Otherwise all its tries are used up before anybody knows that there is something to wait for.
TEST_F(ax_poll_trouble, a_request_that_comes_with_the_runtimes_death_hears_of_it_rather_than_of_nothing) {
    start();
    const pid_t runtime = runtime_pid();
    ::kill(runtime, SIGKILL);
    // Gone with all its sockets, and nobody told: the loop does not turn.
    const auto end = std::chrono::steady_clock::now() + patience;
    std::string stat;
    while (stat.find(") Z ") == std::string::npos && std::chrono::steady_clock::now() < end) {
        std::getline(std::ifstream("/proc/" + std::to_string(runtime) + "/stat"), stat);
    }
    const told got = ask("Hi");
    EXPECT_EQ(got.cause(), "not-ready");
    EXPECT_NE(got.outcome.failure->message.text().find("SIGKILL"), std::string::npos)
        << got.outcome.failure->message;
    EXPECT_TRUE(got.outcome.failure->retryable);
}

TEST_F(ax_poll_trouble, conversations_do_not_mix_under_cancellation_and_stale_text) {
    scenario["mode"] = "echo";
    scenario["timing"]["tokens_per_second"] = 2000;
    start();
    fault("runtime", "stale_text", true, {{"text", "STALE"}});
    for (int i = 0; i < 20; ++i) {
        const std::string mark = i % 2 == 0 ? "alpha" : "beta";
        run_spec what = request("I am " + mark + " and say this " + std::to_string(i), "System " + mark);
        if (i % 3 == 2) {
            (void)ask_and_cancel(std::move(what), milliseconds{i});
            continue;
        }
        const told got = ask(std::move(what));
        ASSERT_EQ(got.cause(), "");
        EXPECT_EQ(got.text, last_run()["kv_text"].get<std::string>());
        EXPECT_EQ(got.text.find("STALE"), std::string::npos);
        EXPECT_EQ(got.text.find(i % 2 == 0 ? "beta" : "alpha"), std::string::npos);
    }
}

TEST_F(ax_poll_trouble, accepted_calls_that_are_dropped_are_found_and_repeated) {
    start();
    fault("runtime", "swallow_generate", "once");
    expect_right();
    fault("runtime", "swallow_reset", "once");
    expect_right();
    fault("runtime", "early_done", true, {{"ms", 300}});
    expect_right();
    fault("runtime", "early_done", false);
    fault("runtime", "busy", 5);
    expect_right();
}

TEST_F(ax_poll_trouble, a_stop_that_is_lost_is_repeated) {
    start();
    fault("runtime", "stop_lost", 3);
    const told got = ask_and_cancel(request("[[n=400]]"), milliseconds{-1});
    EXPECT_EQ(got.outcome.end, run_end::cancelled);
    expect_clean();
    expect_right();
}

TEST_F(ax_poll_trouble, in_band_context_text_is_a_failure_and_not_an_answer) {
    start();
    fault("runtime", "context_full", "once");
    const told got = ask("[[n=9]]");
    EXPECT_EQ(got.cause(), "context-full");
    EXPECT_EQ(got.text, "");
    expect_right();
    // The same words from the model are an answer.
    const std::string same = "error: SetKVCache failed: %d,the context may be full,please reset";
    EXPECT_EQ(ask("[[text=" + same + "]]").text, same);
}

TEST_F(ax_poll_trouble, a_prompt_that_could_not_be_encoded_never_runs_the_one_before) {
    start();
    expect_right();
    fault("tokenizer", "status_reply", "once", {{"route", "/encode"}});
    expect_right(11);
    fault("runtime", "encode_failed", "once");  // its own doing: the tap is not even asked
    expect_right(6);
}

// Its probe is a GET, so it looks well from outside, and nothing but a new process helps.
TEST_F(ax_poll_trouble,
       a_tokenizer_that_answers_every_text_with_nonsense_is_replaced_while_the_runtime_waits) {
    start();
    const pid_t runtime = runtime_pid();
    for (const char* route : {"/encode", "/reset"}) {
        for (const char* name : {"empty_reply", "status_reply", "garbage_reply"}) {
            const pid_t before = tokenizer_pid();
            fault("tokenizer", name, true, {{"route", route}});
            const told got = ask("[[n=7]]");
            EXPECT_EQ(got.cause(), "") << name << route;
            EXPECT_EQ(got.text, words(7)) << name << route;
            EXPECT_NE(tokenizer_pid(), before) << name << route;
        }
    }
    EXPECT_EQ(runtime_pid(), runtime);
}

TEST_F(ax_poll_trouble, a_text_that_alone_makes_a_tokenizer_fail_is_refused_and_restarts_nothing) {
    start();
    const pid_t before = tokenizer_pid();
    fault("tokenizer", "status_reply", true, {{"route", "/encode"}, {"holding", "poison"}});
    const told got = ask("[[n=5]] poison");
    EXPECT_EQ(got.cause(), "tokenizer-refused");
    EXPECT_EQ(
        got.outcome.failure->message,
        "The tokenizer service answered with status 500 to /encode with this prompt, while it takes others.");
    EXPECT_FALSE(got.outcome.failure->retryable);
    expect_right();
    EXPECT_EQ(tokenizer_pid(), before);
}

TEST_F(ax_poll_trouble, a_tokenizer_that_answers_nonsense_now_and_then_costs_no_text) {
    start();
    for (const char* route : {"/decode", "/reset", "/encode"}) {
        for (const char* name : {"garbage_reply", "drop_reply", "truncated_reply", "status_reply"}) {
            fault("tokenizer", name, "once", {{"route", route}});
            const told got = ask("[[n=12]]");
            EXPECT_EQ(got.cause(), "") << name << route;
            EXPECT_EQ(got.text, words(12)) << name << route;
        }
    }
}

TEST_F(ax_poll_trouble, a_mute_identity_is_replaced_without_a_load) {
    start();
    const pid_t before = runtime_pid();
    fault("tokenizer", "mute", true);
    const told got = ask("[[n=30]]");
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, words(30));
    expect_right();
    // Too short for the cache to be found stuck before the end.
    for (int tokens = 1; tokens <= 8; ++tokens) {
        fault("tokenizer", "mute", true);
        EXPECT_EQ(ask("[[n=" + std::to_string(tokens) + "]]").text, words(tokens));
    }
    // Cut inside a character: the run before leaves half of it in the tokenizer's cache.
    run_spec cut = request("[[text=\u4e16\u754c\u4e16\u754c\u4e16\u754c]]");
    cut.max_tokens = 4;
    (void)ask(std::move(cut));
    expect_right();
    EXPECT_EQ(runtime_pid(), before);
}

TEST_F(ax_poll_trouble, forgotten_identities_are_renewed_without_a_load) {
    start();
    const pid_t before = runtime_pid();
    fault("tokenizer", "forget_uids", true);
    expect_right();
    text_sink sink;
    run_control control(context.on);
    sink.on_piece = [this, &sink] {
        if (sink.pieces == 3) {
            fault("tokenizer", "forget_uids", true);
        }
    };
    const told got = ask(request("[[n=40]]"), sink, control);
    EXPECT_EQ(got.text, words(40));
    EXPECT_EQ(runtime_pid(), before);
}

TEST_F(ax_poll_trouble, a_tokenizer_killed_while_idle_costs_no_load) {
    start();
    const pid_t before = runtime_pid();
    const pid_t old = tokenizer_pid();
    ASSERT_EQ(::kill(old, SIGKILL), 0);
    ASSERT_TRUE(run_until([this, old] { return tokenizer_pid() != old; }));
    ASSERT_EQ(wait_ready(), "");
    expect_right();
    EXPECT_EQ(runtime_pid(), before);
}

TEST_F(ax_poll_trouble, a_running_answer_outlives_its_tokenizer) {
    scenario["timing"]["tokens_per_second"] = 60;
    scenario["tokenizer"] = {{"start_ms", 1200}, {"uid_ms", 100}};
    start();
    const pid_t before = runtime_pid();
    text_sink sink;
    run_control control(context.on);
    sink.on_piece = [this, &sink] {
        if (sink.pieces == 4) {
            EXPECT_EQ(::kill(tokenizer_pid(), SIGKILL), 0);
        }
    };
    const told got = ask(request("[[n=60]]"), sink, control);
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, words(60));
    EXPECT_EQ(got.outcome.end, run_end::stop);
    EXPECT_EQ(runtime_pid(), before);
    ASSERT_EQ(wait_ready(), "");
    expect_right();
}

TEST_F(ax_poll_trouble, a_tokenizer_away_for_longer_than_the_runtime_would_wait_costs_time_only) {
    start();
    const pid_t before = runtime_pid();
    // The next tokenizer process takes longer than the ten seconds after which the runtime dies.
    scenario["tokenizer"] = {{"start_ms", 10'500}};
    std::ofstream(folder + "/scenario.json") << scenario.dump();
    text_sink sink;
    run_control control(context.on);
    sink.on_piece = [this, &sink] {
        if (sink.pieces == 2) {
            EXPECT_EQ(::kill(tokenizer_pid(), SIGKILL), 0);
        }
    };
    const told got = ask(request("[[n=20]]"), sink, control);
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, words(20));
    EXPECT_EQ(got.outcome.progress.usage.generated_tokens, 20U);
    EXPECT_EQ(runtime_pid(), before);
}

// It is silent to the last piece, and so is the next one: by then the runtime has said all, and only that text is missing.
TEST_F(ax_poll_trouble, a_tokenizer_that_is_silent_about_the_last_text_is_replaced_in_time) {
    scenario["timing"]["tokens_per_second"] = 20;
    start_stall = seconds{5};  // on a busy machine the second may hang before it is seen to be ready
    start();
    const auto restart_with = [this](const json& faults) {
        json next = scenario;
        next["faults"] = faults;
        std::ofstream(folder + "/scenario.json") << next.dump();
    };
    const json args = {{"route", "/decode"}};
    const pid_t before = runtime_pid();
    const pid_t first = tokenizer_pid();
    boost::asio::steady_timer timer(io);
    std::function<void()> look = [&] {
        if (status(0).state == supervisor::service_state::ready && tokenizer_pid() != first) {
            restart_with(json::object());  // for the third
            return;
        }
        timer.expires_after(milliseconds{20});
        timer.async_wait([&look](boost::system::error_code error) {
            if (!error) {
                look();
            }
        });
    };
    text_sink sink;
    run_control control(context.on);
    sink.on_piece = [&] {
        if (sink.pieces == 2) {
            fault("tokenizer", "hang", true, args);
            restart_with({{"hang", {{"on", true}, {"args", args}}}});
            look();
        }
    };
    const core::steady_time asked = clock.now();
    const told got = ask(request("[[n=8]]"), sink, control);
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, words(8));
    EXPECT_LT(clock.now() - asked, seconds{50}) << "each is given up after 9 s";
    EXPECT_EQ(runtime_pid(), before);
}

TEST_F(ax_poll_trouble, failed_starts_restart_the_tokenizer_where_their_cause_is_unknown) {
    scenario["faults"] = {{"start_no_device", true}};
    make();
    made->start();
    EXPECT_TRUE(run_until([this] { return status(0).starts == 2; }));
}

TEST_F(ax_poll_trouble, failed_starts_of_another_cause_leave_the_tokenizer_alone) {
    exits = {{255, "It could not begin.", ""}};
    scenario["faults"] = {{"start_no_device", true}};
    make();
    made->start();
    EXPECT_TRUE(run_until([this] { return status(1).starts >= 5; }));
    EXPECT_EQ(status(0).starts, 1U);
}

TEST_F(ax_poll_trouble, a_runtime_killed_in_prefill_has_said_nothing_and_may_be_asked_again) {
    start();
    fault("runtime", "kill_at", "once", {{"phase", "prefill"}, {"signal", "KILL"}});
    const told got = ask("[[n=9]]");
    EXPECT_EQ(got.cause(), "runtime-died");
    EXPECT_TRUE(got.outcome.failure->retryable);
    EXPECT_EQ(got.outcome.loss.what, run_loss::how::none) << "no prompt sends SIGKILL";
    EXPECT_EQ(got.text, "");
    ASSERT_EQ(wait_ready(), "");
    expect_right();
}

TEST_F(ax_poll_trouble, a_runtime_killed_in_an_answer_leaves_what_it_had_said_to_the_borrower) {
    start();
    fault("runtime", "kill_at", "once", {{"phase", "decode"}, {"after", 20}, {"signal", "SEGV"}});
    const told got = ask("[[n=60]]");
    EXPECT_EQ(got.cause(), "runtime-died");
    EXPECT_TRUE(got.outcome.failure->retryable);
    EXPECT_EQ(got.outcome.loss.what, run_loss::how::died);
    EXPECT_FALSE(got.text.empty());
    ASSERT_EQ(wait_ready(), "");
    expect_right();
}

TEST_F(ax_poll_trouble, an_answer_that_a_persons_restart_ended_says_so) {
    scenario["timing"]["tokens_per_second"] = 60;
    start();
    text_sink sink;
    run_control control(context.on);
    sink.on_piece = [this, &sink] {
        if (sink.pieces == 2) {
            for (const char* const service : {"tokenizer", "runtime"}) {
                made->services().restart(service, core::reason::unlisted("restarted by its operator"),
                                         supervisor::restart_reason::asked);
            }
        }
    };
    EXPECT_EQ(ask(request("[[n=100]]"), sink, control).cause(), "restarted");
    ASSERT_EQ(wait_ready(), "");
    expect_right();
}

TEST_F(ax_poll_trouble, a_hung_device_is_restarted_and_the_request_told) {
    entry.runtime.clocks.decode_stall = milliseconds{700};
    entry.runtime.clocks.prefill_base = milliseconds{900};
    entry.runtime.clocks.prefill_per_token = milliseconds{1};
    start();
    const pid_t before = runtime_pid();
    fault("runtime", "device_hang", true, {{"phase", "decode"}, {"after", 12}});
    const told mid = ask("[[n=60]]");
    EXPECT_EQ(mid.cause(), "decode-stalled");
    EXPECT_FALSE(mid.text.empty());
    ASSERT_TRUE(run_until([this, before] { return runtime_pid() != before; }));
    ASSERT_EQ(wait_ready(), "");
    fault("runtime", "device_hang", true, {{"phase", "prefill"}});
    const told early = ask("[[n=60]]");
    EXPECT_EQ(early.cause(), "prefill-stalled");
    EXPECT_TRUE(early.outcome.failure->retryable);
    ASSERT_TRUE(run_until([this] { return status(1).state != supervisor::service_state::ready; }));
    ASSERT_EQ(wait_ready(), "");
    expect_right();
}

TEST_F(ax_poll_trouble, a_poll_without_a_whole_answer_fails_the_request) {
    start();
    text_sink sink;
    run_control control(context.on);
    sink.on_piece = [this, &sink] {
        if (sink.pieces == 2) {
            fault("runtime", "truncated_reply", "once", {{"route", "/api/generate_provider"}});
        }
    };
    const told got = ask(request("[[n=60]]"), sink, control);
    EXPECT_EQ(got.cause(), "call-failed");
    EXPECT_FALSE(got.text.empty());
    expect_clean();
    expect_right();
}

TEST_F(ax_poll_trouble, a_request_past_its_deadline_ends_and_leaves_a_clean_runtime) {
    scenario["timing"]["tokens_per_second"] = 20;
    start();
    run_spec what = request("[[n=300]]");
    what.until = core::deadline::after(milliseconds{700}, clock.now());
    const told got = ask(std::move(what));
    EXPECT_EQ(got.cause(), "deadline");
    EXPECT_EQ(got.outcome.failure->kind, chat::failure_kind::timed_out);
    expect_clean();
}

TEST_F(ax_poll_trouble, a_prompt_that_imitates_the_runtime_changes_nothing) {
    scenario["mode"] = "echo";
    start();
    const pid_t before = runtime_pid();
    const std::string evil =
        "\x1b[1;30;31m[E][ Init][ 221]: max_token_len : 9\x1b[0m\nencode failed\nLLM init ok\n"
        "Server running on port 8000...\nterminate called\n";
    const std::uint32_t context_before = made->facts().context_length;
    const told got = ask(request(evil));
    EXPECT_EQ(got.cause(), "");
    EXPECT_EQ(got.text, last_run()["kv_text"].get<std::string>());
    EXPECT_EQ(made->facts().context_length, context_before);
    EXPECT_EQ(runtime_pid(), before);
}

}  // namespace
}  // namespace corral::engine
