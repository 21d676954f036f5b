// One request after another through a server that answers with a stream, and all the ways in which that goes
// wrong for the user.

#include "engine/streaming/stream_run.hpp"
#include "corral/core/say.hpp"

#include <cstdio>

#include <gmock/gmock.h>
#include <boost/asio/steady_timer.hpp>

#include "engine/stream_run_fixture.hpp"
#include "http/lasting_server.hpp"

namespace corral::engine::streaming {
namespace {

using core::milliseconds;
using core::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using tests::event_stream;
using tests::kept_text;
using tests::long_enough;
using tests::played_server;
using tests::said;
using tests::stream_done;
using tests::whole_answer;

class stream_run_test : public tests::stream_run_fixture {};

TEST_F(stream_run_test, an_answer_comes_whole_with_its_end_and_its_counts) {
    const played_server server(
        {{event_stream(said("Hello") + said(" you") +
                       "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n" +
                       stream_done)}});
    const run_outcome out = run(server);
    EXPECT_EQ(out.end, run_end::stop);
    EXPECT_EQ(sink.text, "Hello you");
    EXPECT_EQ(out.progress.usage.prompt_tokens, 5U);
    EXPECT_EQ(out.progress.usage.generated_tokens, 2U);
    EXPECT_TRUE(out.progress.usage.exact);
    EXPECT_THAT(server.requests(), ElementsAre("POST /v1/chat/completions HTTP/1.1"));
    EXPECT_TRUE(restarts.empty());
}

// What a stop text or a client ends has no usage of the server's.
TEST_F(stream_run_test, a_prompt_that_was_counted_before_the_answer_is_so_in_an_answer_that_is_left) {
    traits.timings = catalog::timing_source::llama_cpp;
    const std::string progress =
        "data: {\"choices\":[{\"delta\":{\"content\":null}}],"
        "\"prompt_progress\":{\"total\":800,\"cache\":600,\"processed\":800,\"time_ms\":3}}\n\n";
    const played_server server({{event_stream(progress + said("Hello") + said(" you") + stream_done), true}});
    const run_outcome out = run(server, {}, true);
    EXPECT_EQ(out.end, run_end::cancelled);
    EXPECT_EQ(out.progress.usage.prompt_tokens, 800U);
    EXPECT_EQ(out.progress.usage.cached_tokens, 600U);
    EXPECT_EQ(out.progress.usage.generated_tokens, 1U);
    EXPECT_THAT(server.bodies()[0], HasSubstr("\"return_progress\":true"));
}

TEST_F(stream_run_test, a_server_that_counts_with_each_piece_is_believed_in_an_answer_that_is_left) {
    const auto counted = [](const std::string& text, int made) {
        return "data: {\"choices\":[{\"delta\":{\"content\":\"" + text +
               "\"}}],\"usage\":{\"prompt_tokens\":800,\"completion_tokens\":" + std::to_string(made) +
               "}}\n\n";
    };
    const played_server server(
        {{event_stream(counted("Hello you", 2) + counted("!", 3) + stream_done), true}});
    const run_outcome out = run(server, {}, true);
    EXPECT_EQ(out.progress.usage.prompt_tokens, 800U);
    EXPECT_EQ(out.progress.usage.generated_tokens, 2U);
}

TEST_F(stream_run_test, who_is_busy_is_asked_again_until_it_serves) {
    traits.busy_statuses = {503};
    const std::string busy = whole_answer(503, R"({"error": "busy"})");
    const played_server server({{busy}, {busy}, {event_stream(said("at last") + stream_done)}});
    EXPECT_EQ(run(server).end, run_end::stop);
    EXPECT_EQ(sink.text, "at last");
    EXPECT_THAT(server.requests(), SizeIs(3));
    EXPECT_TRUE(restarts.empty());
}

TEST_F(stream_run_test, who_stays_busy_with_something_else_is_restarted) {
    traits.busy_statuses = {503};
    clocks.call = milliseconds{300};
    const played_server server({{whole_answer(503, R"({"error": "busy"})")}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(name_of(*out.failure), "runtime-stuck");
    EXPECT_TRUE(out.failure->retryable);
    EXPECT_THAT(restarts, ElementsAre("hang: The runtime stayed busy with something else."));
}

TEST_F(stream_run_test, a_refusal_is_told_in_the_servers_words_and_restarts_nothing) {
    const played_server server({{whole_answer(400, R"({"error": {"message": "no such thing"}})")}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(name_of(*out.failure), "generate-refused");
    EXPECT_EQ(out.failure->message, "The runtime refused a prompt with status 400: no such thing.");
    EXPECT_FALSE(out.failure->retryable);
    EXPECT_TRUE(restarts.empty());
}

TEST_F(stream_run_test, a_prompt_that_is_too_long_is_the_clients_matter) {
    const played_server server(
        {{whole_answer(400, R"({"error": {"type": "exceed_context_size_error", "message": "too long"}})")}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(out.failure->kind, chat::failure_kind::context_too_long);
}

TEST_F(stream_run_test, an_answer_that_is_cut_is_a_failure_and_no_short_answer) {
    const played_server server({{event_stream(said("Hel"))}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(out.end, run_end::failed);
    EXPECT_EQ(name_of(*out.failure), "call-failed");
    EXPECT_TRUE(out.failure->retryable);
    EXPECT_EQ(sink.text, "Hel");
}

TEST_F(stream_run_test, a_connection_that_the_runtime_cuts_is_no_answer_that_nobody_wanted) {
    traits.cancel = catalog::cancel_method::drain;
    const std::string event = said("Hel");
    std::ostringstream chunk;
    chunk << std::hex << event.size() << "\r\n" << event << "\r\n";
    const played_server server(
        {{"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
          chunk.str()}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(name_of(*out.failure), "call-failed");
    EXPECT_EQ(sink.text, "Hel");
    EXPECT_THAT(restarts,
                ElementsAre("hang: The runtime broke off an answer and may still be at work on it."));
}

TEST_F(stream_run_test, the_death_of_the_process_is_told_rather_than_the_broken_line) {
    lost = stream_parts::lost_server{.why = {.message = core::say("request.runtime-died/found", "It died.")},
                                     .died = true};
    const played_server server({{event_stream(said("Hel"))}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(name_of(*out.failure), "runtime-died");
    EXPECT_TRUE(restarts.empty()) << "it is the supervisor's already";
}

TEST_F(stream_run_test, silence_before_the_first_word_restarts_the_runtime_and_may_be_tried_again) {
    clocks.prefill_base = milliseconds{200};
    clocks.prefill_per_token = milliseconds{1};
    const played_server server({{event_stream(""), true}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(name_of(*out.failure), "prefill-stalled");
    EXPECT_TRUE(out.failure->retryable);
    EXPECT_THAT(restarts, ElementsAre(HasSubstr("did not begin an answer")));
}

TEST_F(stream_run_test, silence_in_mid_answer_is_told_with_what_had_come) {
    clocks.decode_stall = milliseconds{200};
    const played_server server({{event_stream(said("one") + said(" two")), true}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(name_of(*out.failure), "decode-stalled");
    EXPECT_THAT(out.failure->message, HasSubstr("after about 2 tokens"));
    EXPECT_THAT(restarts, SizeIs(1));
}

TEST_F(stream_run_test, a_server_that_showed_itself_quick_is_found_out_sooner) {
    clocks.decode_bounds = {milliseconds{200}, seconds{60}};
    learned.emplace(clocks);
    for (int i = 0; i < 50; ++i) {
        learned->decode.observe(milliseconds{1});
    }
    const played_server server({{event_stream(said("one")), true}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(name_of(*out.failure), "decode-stalled");
    EXPECT_THAT(restarts, ElementsAre(HasSubstr("the decode clock stood at 0.2 s (learned from 50 gaps")));
}

TEST_F(stream_run_test, a_clock_that_runs_out_for_one_prompt_after_another_gets_longer) {
    clocks.prefill_base = milliseconds{200};
    clocks.prefill_per_token = milliseconds{0};
    clocks.prefill_bounds = {milliseconds{100}, seconds{60}};
    const played_server server({{event_stream(""), true}});
    for (int i = 0; i < 4; ++i) {
        prompt = "prompt " + std::to_string(i);
        EXPECT_EQ(name_of(run(server).failure.value()), "prefill-stalled");
    }
    EXPECT_THAT(restarts, ElementsAre(HasSubstr("the prefill clock stood at 0.2 s for about"),
                                      HasSubstr("clock stood at 0.2 s"), HasSubstr("clock stood at 0.2 s"),
                                      HasSubstr("clock stood at 0.4 s")));
}

TEST_F(stream_run_test, one_prompt_that_hangs_the_server_again_and_again_teaches_the_clocks_nothing) {
    clocks.prefill_base = milliseconds{200};
    clocks.prefill_per_token = milliseconds{0};
    clocks.prefill_bounds = {milliseconds{100}, seconds{60}};
    const played_server server({{event_stream(""), true}});
    for (int i = 0; i < 4; ++i) {
        const run_outcome out = run(server);
        EXPECT_EQ(name_of(out.failure.value()), "prefill-stalled");
        EXPECT_EQ(out.loss.what, run_loss::how::hung);
        EXPECT_FALSE(out.loss.shared);
    }
    EXPECT_THAT(restarts,
                testing::Each(HasSubstr("hang: The runtime did not begin an answer. No text came for 0.2 s; "
                                        "the prefill clock stood at 0.2 s")));
}

TEST_F(stream_run_test, what_an_answer_shows_of_the_server_is_learned_from_it) {
    const played_server server({{event_stream(said("one") + said(" two") + stream_done)}});
    EXPECT_EQ(run(server).end, run_end::stop);
    EXPECT_THAT(learned->prefill.stand(1), HasSubstr("for only 1 first word of 5"));
}

TEST_F(stream_run_test, who_is_not_alone_in_the_server_gets_the_time_of_the_profile_and_teaches_nothing) {
    clocks.decode_bounds = {milliseconds{100}, seconds{60}};
    clocks.decode_stall = milliseconds{700};
    learned.emplace(clocks);
    for (int i = 0; i < 50; ++i) {
        learned->decode.observe(milliseconds{1});
    }
    const played_server server({{event_stream(said("one")), true}});
    stream_run runs(parts_for(server));
    run_control mine(loop.get_executor());
    run_control other(loop.get_executor());
    kept_text elsewhere;
    const auto first = begin(runs, spec(), sink, mine);
    const auto second = begin(runs, spec(), elsewhere, other);
    ASSERT_TRUE(loop_until([&] { return !sink.text.empty() && !elsewhere.text.empty(); }));
    const auto began = std::chrono::steady_clock::now();
    finish(first);
    EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds{400}) << "0.1 s is what it gets alone";
    finish(second);
    EXPECT_THAT(learned->prefill.stand(1), HasSubstr("no first words are known"));
}

TEST_F(stream_run_test, blanks_that_keep_a_line_open_are_no_sign_of_work) {
    clocks.prefill_base = milliseconds{200};
    clocks.prefill_per_token = milliseconds{1};
    const played_server server({{event_stream(":\n\n:\n\n"), true}});
    EXPECT_EQ(name_of(run(server).failure.value()), "prefill-stalled");
}

TEST_F(stream_run_test, a_failure_that_is_told_as_text_never_reaches_the_user) {
    traits.error_texts = {"[ERROR: "};
    const played_server server({{event_stream(said("[ERR") + said("OR: device lost]") + stream_done)}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(name_of(*out.failure), "error-as-text");
    EXPECT_EQ(sink.text, "");
}

class failing_line : public stream_run_test {
protected:
    // One run in which the server prints `line`, so long after the answer's end; 0: with its last text.
    run_outcome run_with_line(const std::string& line, milliseconds late, const std::string& answer,
                              const std::string& prompt = "hi") {
        const played_server server({{event_stream(said(answer) + stream_done)}});
        stream_parts parts = parts_for(server);
        catalog::log_meaning known;
        known.pattern = "run error";
        known.cause = "It failed inside.";
        known.fails_answer = true;
        parts.failing_lines = {known};
        stream_run runs(std::move(parts));
        run_control control(loop.get_executor());
        struct printing_sink final : run_sink {
            void on_text(std::string_view /*piece*/, const run_progress& /*now*/) override { then(); }
            std::function<void()> then;
        } printed;
        boost::asio::steady_timer timer(loop);
        printed.then = [&] {
            timer.expires_after(late);
            timer.async_wait([&](const auto& error) {
                if (!error) {
                    runs.on_line(line);
                }
            });
        };
        run_spec what = spec();
        what.prompt.turns = prompt;
        return finish(begin(runs, std::move(what), printed, control));
    }
};

TEST_F(failing_line, an_answer_that_failed_inside_is_no_good_answer) {
    for (const milliseconds late : {milliseconds{0}, milliseconds{30}}) {
        const run_outcome out = run_with_line("run error", late, "one two");
        ASSERT_TRUE(out.failure) << late.count();
        EXPECT_EQ(name_of(*out.failure), "answer-failed");
        EXPECT_EQ(out.failure->message, "It failed inside.");
        EXPECT_TRUE(out.failure->retryable);
        EXPECT_TRUE(restarts.empty());
    }
}

TEST_F(failing_line, words_of_a_client_or_of_the_model_fail_nothing) {
    EXPECT_EQ(run_with_line("run error", milliseconds{0}, "fine", "please say run error").end, run_end::stop);
    EXPECT_EQ(run_with_line("run error", milliseconds{0}, "I say run error now").end, run_end::stop);
    EXPECT_EQ(run_with_line("all is well", milliseconds{0}, "fine").end, run_end::stop);
}

TEST_F(failing_line, one_that_comes_much_later_is_not_waited_for) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(run_with_line("run error", seconds{20}, "fine").end, run_end::stop);
    EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{10});
}

TEST_F(stream_run_test, a_failure_in_mid_answer_is_told) {
    const played_server server(
        {{event_stream(said("a") + "data: {\"error\": {\"message\": \"lost it\"}}\n\n")}});
    const run_outcome out = run(server);
    ASSERT_TRUE(out.failure);
    EXPECT_EQ(name_of(*out.failure), "runtime-error");
    EXPECT_EQ(out.failure->message, "The runtime gave up: lost it.");
}

TEST_F(stream_run_test, a_limit_that_the_server_does_not_know_is_kept_here) {
    traits.max_tokens.clear();
    const played_server server({{event_stream(said("a") + said("b") + said("c") + said("d")), true}});
    const run_outcome out = run(server, 2);
    EXPECT_EQ(out.end, run_end::length);
    EXPECT_EQ(sink.text, "ab");
    EXPECT_EQ(out.progress.usage.generated_tokens, 2U);
    EXPECT_TRUE(restarts.empty()) << "leaving ended it";
}

TEST_F(stream_run_test, a_limit_that_the_server_knows_and_does_not_keep_is_kept_here_with_a_margin) {
    std::string text;
    for (int i = 0; i < 60; ++i) {
        text += said("a");
    }
    const played_server server({{event_stream(text), true}});
    const run_outcome out = run(server, 2);
    EXPECT_EQ(out.end, run_end::length);
    EXPECT_LT(sink.text.size(), 30U);
}

TEST_F(stream_run_test, a_server_that_always_says_stop_ended_by_the_limit_when_it_is_used_up) {
    traits.finish = catalog::finish_trust::untrusted;
    const played_server server({{event_stream(said("a") + said("b") + stream_done)}});
    EXPECT_EQ(run(server, 2).end, run_end::length);
}

TEST_F(stream_run_test, a_refused_format_is_left_out_and_the_answer_comes) {
    traits.formats = catalog::format_form::response_format;
    const played_server server({{whole_answer(400, R"({"error":{"message":"grammar is broken"}})")},
                                {event_stream(said("{}") + stream_done)}});
    unsigned told = 0;
    stream_parts parts = parts_for(server);
    parts.format_refused = [&told](unsigned status) { told = status; };
    stream_run runs(std::move(parts));
    run_control control(loop.get_executor());
    run_spec what = spec();
    what.format = "json";
    const run_outcome got = finish(begin(runs, std::move(what), sink, control));
    EXPECT_EQ(got.end, run_end::stop);
    EXPECT_EQ(sink.text, "{}");
    EXPECT_EQ(told, 400U);
    ASSERT_THAT(server.bodies(), SizeIs(2));
    EXPECT_THAT(server.bodies()[0], HasSubstr("response_format"));
    EXPECT_THAT(server.bodies()[1], testing::Not(HasSubstr("response_format")));
}

TEST_F(stream_run_test, a_sampling_value_that_the_server_refuses_is_the_clients_fault) {
    traits.sampling = {"temperature", "repeat_penalty"};
    for (const std::string said :
         {"temperature must be non-negative, got -1",
          "Failed to initialize samplers: penalty_repeat must be finite and greater than 0"}) {
        const played_server server({{whole_answer(400, R"({"error":{"message":")" + said + R"(."}})")}});
        const run_outcome got = run(server);
        ASSERT_TRUE(got.failure);
        EXPECT_EQ(got.failure->kind, chat::failure_kind::bad_request);
        EXPECT_THAT(got.failure->message, HasSubstr(said));
    }
}

TEST_F(stream_run_test, an_image_that_the_server_refuses_is_the_clients_fault) {
    for (const bool with_image : {true, false}) {
        const played_server server(
            {{whole_answer(400, R"({"error":{"message":"Failed to load image or audio file"}})")}});
        run_spec what = spec();
        if (with_image) {
            what.prompt.messages = {{"user", "Hi", {std::make_shared<chat::image>()}}};
        }
        stream_run runs(parts_for(server));
        run_control control(loop.get_executor());
        const run_outcome got = finish(begin(runs, what, sink, control));
        ASSERT_TRUE(got.failure);
        EXPECT_EQ(got.failure->kind,
                  with_image ? chat::failure_kind::bad_request : chat::failure_kind::runtime_failed);
    }
}

TEST_F(stream_run_test, a_prompt_that_is_refused_with_its_count_may_be_fitted_anew) {
    const played_server server({{whole_answer(
        400, R"({"error":{"type":"exceed_context_size_error","n_prompt_tokens":90,"n_ctx":64}})")}});
    context_refusal heard;
    stream_parts parts = parts_for(server);
    parts.too_long = [&heard](const chat::rendered_prompt&, const context_refusal& said_) {
        heard = said_;
        return true;
    };
    stream_run runs(std::move(parts));
    run_control control(loop.get_executor());
    const run_outcome got = finish(begin(runs, spec(), sink, control));
    ASSERT_TRUE(got.failure);
    EXPECT_EQ(got.failure->kind, chat::failure_kind::context_too_long);
    EXPECT_TRUE(got.failure->retryable);
    EXPECT_EQ(heard.tokens, 90U);
    EXPECT_EQ(heard.limit, 64U);
}

TEST_F(stream_run_test, an_answer_without_a_word_is_none_where_the_prompt_was_too_long_for_it) {
    traits.usage = catalog::usage_trust::tokens;
    const std::string counts =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":90,\"completion_tokens\":0}}\n\n";
    const std::string length = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
    struct example {
        std::string answer;
        bool too_long;
        run_end end;
    };
    const std::vector<example> examples{{counts + stream_done, true, run_end::failed},
                                        {counts + stream_done, false, run_end::stop},
                                        {said("one") + counts + stream_done, true, run_end::stop},
                                        {length + counts + "data: [DONE]\n\n", true, run_end::length}};
    for (const example& each : examples) {
        const played_server server({{event_stream(each.answer)}});
        std::uint32_t heard = 0;
        stream_parts parts = parts_for(server);
        parts.unanswered = [&](const chat::rendered_prompt&, std::uint32_t counted) {
            heard = counted;
            return each.too_long;
        };
        stream_run runs(std::move(parts));
        run_control control(loop.get_executor());
        const run_outcome got = finish(begin(runs, spec(), sink, control));
        EXPECT_EQ(got.end, each.end) << each.answer;
        if (each.end == run_end::failed) {
            ASSERT_TRUE(got.failure);
            EXPECT_EQ(got.failure->kind, chat::failure_kind::context_too_long);
            EXPECT_TRUE(got.failure->retryable) << "a shorter one may have an answer";
            EXPECT_EQ(heard, 90U);
        }
    }
    EXPECT_TRUE(restarts.empty());
}

std::string chunk_of(const std::string& text) {
    char size[16];
    std::snprintf(size, sizeof size, "%zx", text.size());
    return size + ("\r\n" + text) + "\r\n";
}

const std::string chunked_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(stream_run_test, runs_one_after_another_share_a_connection_where_the_server_keeps_it) {
    kept = std::make_shared<http::kept_connections>(seconds{10}, 1);
    // The end of the framing comes behind [DONE].
    const http::test::lasting_server server(
        {.answer = chunked_head + chunk_of(said("kept") + stream_done), .second_part = "0\r\n\r\n"});
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(run(server).end, run_end::stop);
        ASSERT_TRUE(loop_until([&] { return kept->idle() == 1; }));
    }
    EXPECT_EQ(sink.text, "keptkeptkeptkept");
    EXPECT_EQ(server.requests(), 4);
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(stream_run_test, an_answer_that_was_not_read_to_its_end_takes_its_connection_along) {
    kept = std::make_shared<http::kept_connections>(seconds{10}, 1);
    const http::test::lasting_server unfinished(
        {.answer = chunked_head + chunk_of(said("never") + said("ending"))});
    EXPECT_EQ(run(unfinished, {}, true).end, run_end::cancelled);
    EXPECT_EQ(kept->idle(), 0U);
    // It says that it is over, and its framing goes on.
    const http::test::lasting_server unframed(
        {.answer = chunked_head + chunk_of(said("over") + stream_done)});
    EXPECT_EQ(run(unframed).end, run_end::stop);
    EXPECT_TRUE(loop_until([&] { return unframed.open() == 0; }));
    EXPECT_EQ(kept->idle(), 0U);
}

}  // namespace
}  // namespace corral::engine::streaming
