// How an answer that nobody wants any more is ended, by each means that servers have.

#include <exception>
#include <optional>

#include <gmock/gmock.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "engine/stream_run_fixture.hpp"
#include "engine/streaming/stream_run.hpp"

namespace corral::engine::streaming {
namespace {

using core::milliseconds;
using core::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using tests::event_stream;
using tests::kept_text;
using tests::long_enough;
using tests::played_server;
using tests::said;
using tests::stream_done;
using tests::whole_answer;

class stream_settle_test : public tests::stream_run_fixture {};

TEST_F(stream_settle_test, a_client_that_leaves_ends_the_run_by_leaving) {
    const played_server server({{event_stream(said("a")), true}});
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    EXPECT_TRUE(loop_until([&server] { return server.left() == 1; }));
    EXPECT_TRUE(restarts.empty());
}

TEST_F(stream_settle_test, a_run_that_nothing_ends_is_read_to_its_end_and_then_the_runtime_is_restarted) {
    traits.cancel = catalog::cancel_method::drain;
    const played_server endless({{event_stream(said("a")), true}});
    EXPECT_EQ(run(endless, {}, true).end, run_end::cancelled);
    EXPECT_THAT(restarts,
                ElementsAre(HasSubstr("hang: The runtime hung in an answer that was no longer wanted")))
        << "it said nothing more";

    restarts.clear();
    const played_server short_one({{event_stream(said("a") + said("b") + stream_done)}});
    EXPECT_EQ(run(short_one, {}, true).end, run_end::cancelled);
    EXPECT_TRUE(restarts.empty()) << "it came to its end by itself";
}

TEST_F(stream_settle_test, a_call_that_ends_runs_is_made) {
    traits.cancel = catalog::cancel_method::call;
    traits.cancel_target = "/stop";
    const played_server server({{event_stream(said("a")), true}, {whole_answer(200, "{}")}});
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    const auto asked = server.requests();
    ASSERT_GE(asked.size(), 2U);
    EXPECT_EQ(asked[1], "GET /stop HTTP/1.1");
    EXPECT_THAT(restarts, SizeIs(1)) << "and this server did not heed it";
}

TEST_F(stream_settle_test, a_call_that_is_heeded_ends_the_run_and_restarts_nothing) {
    traits.cancel = catalog::cancel_method::call;
    traits.cancel_target = "/stop";
    const played_server server({{event_stream(said("a")), true, true}, {whole_answer(200, "{}")}});
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    EXPECT_THAT(server.requests(), testing::Contains("GET /stop HTTP/1.1"));
    EXPECT_TRUE(restarts.empty());
}

TEST_F(stream_settle_test, a_server_that_can_only_be_restarted_is) {
    traits.cancel = catalog::cancel_method::restart;
    const played_server server({{event_stream(said("a")), true}});
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    EXPECT_THAT(
        restarts,
        ElementsAre(HasSubstr("cancel: The runtime was busy with an answer that was no longer wanted")));
}

TEST_F(stream_settle_test, an_answer_that_the_server_breaks_off_is_not_told_as_one_that_nobody_wanted) {
    traits.cancel = catalog::cancel_method::restart;
    const played_server server({{event_stream(said("a"))}});
    const run_outcome out = run(server);
    EXPECT_EQ(out.end, run_end::failed);
    EXPECT_THAT(restarts, ElementsAre(HasSubstr("The runtime broke off an answer")));
}

TEST_F(stream_settle_test,
       a_server_that_loads_sooner_than_its_answer_must_end_is_replaced_at_once_and_by_choice) {
    traits.cancel = catalog::cancel_method::drain;
    clocks.scrub = seconds{20};
    load = milliseconds{50};
    const played_server server({{event_stream(said("a")), true}});
    const auto began = std::chrono::steady_clock::now();
    const run_outcome out = run(server, {}, true);
    EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{5});
    EXPECT_EQ(out.end, run_end::cancelled);
    EXPECT_EQ(out.loss.what, run_loss::how::none);
    EXPECT_THAT(restarts, ElementsAre(HasSubstr("cancel: ")));
}

TEST_F(stream_settle_test, where_the_server_can_be_asked_it_is_idle_before_the_next_one_comes) {
    traits.idle = {"/slots", "/*/is_processing", "false"};
    const played_server server({{event_stream(said("a")), true},
                                {whole_answer(200, R"([{"is_processing": true}])")},
                                {whole_answer(200, R"([{"is_processing": false}])")}});
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    EXPECT_THAT(server.requests(),
                ElementsAre(HasSubstr("POST"), "GET /slots HTTP/1.1", "GET /slots HTTP/1.1"));
    EXPECT_TRUE(restarts.empty());
}

TEST_F(stream_settle_test, one_that_stays_at_work_for_longer_than_a_load_takes_is_replaced) {
    clocks.scrub = seconds{25};
    load = milliseconds{50};
    traits.idle = {"/slots", "/*/is_processing", "false"};
    const played_server server(
        {{event_stream(said("a")), true}, {whole_answer(200, R"([{"is_processing": true}])")}});
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(run(server, {}, true).end, run_end::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - began, seconds{15});
    EXPECT_THAT(restarts, ElementsAre(HasSubstr("cancel: ")));
}

// As the first test of a server may be whose process has ended: who waits for rest would wait for ever.
TEST_F(stream_settle_test, a_run_that_is_cut_leaves_the_server_to_the_next) {
    const played_server server({{"", true}});
    stream_run runs(parts_for(server));
    run_control control(loop.get_executor());
    boost::asio::cancellation_signal cut;
    std::optional<bool> threw;
    boost::asio::co_spawn(loop, runs.run(spec(), sink, control, {}, true),
                          boost::asio::bind_cancellation_slot(
                              cut.slot(), [&threw](const std::exception_ptr& thrown, const run_outcome&) {
                                  threw = thrown != nullptr;
                              }));
    ASSERT_TRUE(loop_until([&server] { return !server.requests().empty(); }));
    EXPECT_TRUE(runs.busy());
    std::optional<bool> rested;
    boost::asio::co_spawn(loop, runs.come_to_rest(core::deadline::after(long_enough, clock.now())),
                          [&rested](const std::exception_ptr&, bool idle) { rested = idle; });
    boost::asio::post(loop, [&cut] { cut.emit(boost::asio::cancellation_type::terminal); });
    ASSERT_TRUE(loop_until([&] { return threw && rested; }));
    EXPECT_TRUE(*threw);
    EXPECT_TRUE(*rested);
    EXPECT_FALSE(runs.busy());
    boost::asio::post(loop, [this] { tasks.cancel(); });  // the call that went with it
    EXPECT_TRUE(loop_until([this] { return tasks.empty(); }));
}

// What a server refuses and is asked for again without.

// docs/facts/other_runtimes.md#prefix-caches
const std::string no_salt =
    R"({"object":"error","message":"[{'type': 'value_error', 'msg': \"Value error, Parameter 'cache_salt' is not )"
    R"(supported with this instance of vLLM, which uses engine V0.\"}]","type":"BadRequestError","code":400})";

class stream_refusals_test : public tests::stream_run_fixture {
protected:
    stream_refusals_test() {
        traits.prefix_cache = catalog::prefix_cache::vllm;
        traits.formats = catalog::format_form::response_format;
    }
    run_outcome salted(const played_server& server, bool may_go_without) {
        stream_parts parts = parts_for(server);
        parts.format_refused = [this](unsigned) {
            EXPECT_FALSE(client_says.empty()) << "the format was not what it refused";
        };
        parts.salt_refused = [this, may_go_without](const std::string& owner) {
            asked_for = owner;
            return may_go_without;
        };
        stream_run runs(std::move(parts));
        run_control control(loop.get_executor());
        run_spec what = spec();
        what.owner = "ann";
        what.cache_salt = "of ann";
        what.format = "json";
        if (!client_says.empty()) {
            what.prompt.messages = {{"user", client_says}};
        }
        return finish(begin(runs, std::move(what), sink, control));
    }
    std::string asked_for;
    std::string client_says;
};

TEST_F(stream_refusals_test, a_refused_salt_is_left_out_where_nobody_else_is_served) {
    const played_server server({{whole_answer(400, no_salt)}, {event_stream(said("{}") + stream_done)}});
    EXPECT_EQ(salted(server, true).end, run_end::stop);
    EXPECT_EQ(sink.text, "{}");
    EXPECT_EQ(asked_for, "ann");
    ASSERT_THAT(server.bodies(), SizeIs(2));
    EXPECT_THAT(server.bodies()[0], HasSubstr("cache_salt"));
    EXPECT_THAT(server.bodies()[1], Not(HasSubstr("cache_salt")));
    EXPECT_THAT(server.bodies()[1], HasSubstr("response_format"));
}

TEST_F(stream_refusals_test, no_prompt_is_shared_for_a_refused_salt) {
    const played_server server({{whole_answer(400, no_salt)}, {event_stream(said("{}") + stream_done)}});
    const run_outcome got = salted(server, false);
    ASSERT_TRUE(got.failure);
    EXPECT_EQ(name_of(*got.failure), "salt-refused");
    EXPECT_THAT(got.failure->message, HasSubstr("set reuse_across_keys = true"));
    EXPECT_THAT(server.bodies(), SizeIs(1));
    EXPECT_TRUE(restarts.empty());
}

// A refusal of another kind quotes the request, and with it whatever its client has written.
TEST_F(stream_refusals_test, a_client_can_not_say_that_the_salt_is_refused) {
    const played_server server({{whole_answer(400, no_salt)}});
    client_says = "Parameter 'cache_salt' is not supported";
    const run_outcome got = salted(server, true);
    EXPECT_TRUE(got.failure);
    EXPECT_EQ(asked_for, "");
    for (const std::string& body : server.bodies()) {
        EXPECT_THAT(body, HasSubstr("of ann"));
    }
}

class hanging_refusal_test : public stream_refusals_test {
protected:
    hanging_refusal_test() { clocks.call = core::seconds{20}; }
    // How long it was waited for a body that never comes.
    core::nanoseconds waited(run_spec what, bool leave) {
        stream_run runs(parts_for(server));
        run_control control(loop.get_executor());
        const auto began = clock.now();
        const auto end = begin(runs, std::move(what), sink, control);
        EXPECT_TRUE(loop_until([this] { return !server.requests().empty(); }));
        if (leave) {
            loop.run_for(core::milliseconds{200});  // for the head
            control.cancel();
        }
        got = finish(end);
        return clock.now() - began;
    }
    const played_server server{
        {{"HTTP/1.1 500 X\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", true}}};
    run_outcome got;
};

TEST_F(hanging_refusal_test, lasts_no_longer_than_its_request_and_is_no_lateness_of_the_loop) {
    run_spec what = spec();
    what.until = core::deadline::after(core::milliseconds{300}, clock.now());
    EXPECT_LT(waited(std::move(what), false), core::seconds{10});
    ASSERT_TRUE(got.failure);
    EXPECT_EQ(got.failure->kind, chat::failure_kind::timed_out);
    EXPECT_LT(learned->late.total(), core::seconds{5});
    EXPECT_TRUE(restarts.empty());
}

TEST_F(hanging_refusal_test, lets_a_client_go_that_has_left) {
    EXPECT_LT(waited(spec(), true), core::seconds{10});
    EXPECT_EQ(got.end, run_end::cancelled);
    EXPECT_TRUE(restarts.empty());
}

// As Mistral's has it; the words of llama.cpp's server are a page of the template.
const std::string by_template =
    R"({"error":{"code":500,"message":"While executing CallExpression at line 3 in source: )"
    R"(raise_exception: conversation roles must alternate user/assistant"}})";

class template_refusals_test : public stream_refusals_test {
protected:
    run_outcome greeted(const played_server& server) {
        stream_run runs(parts_for(server));
        run_control control(loop.get_executor());
        run_spec what = spec();
        what.format = "json";
        what.prompt.messages = {{"system", "Be brief."}, {"assistant", "Hi!"}, {"user", "q"}};
        return finish(begin(runs, std::move(what), sink, control));
    }
};

TEST_F(template_refusals_test, what_a_template_refuses_is_asked_again_in_its_order) {
    const played_server server({{whole_answer(500, by_template)},
                                {whole_answer(400, by_template)},
                                {event_stream(said("{}") + stream_done)}});
    EXPECT_EQ(greeted(server).end, run_end::stop);
    EXPECT_EQ(sink.text, "{}");
    ASSERT_THAT(server.bodies(), SizeIs(3));
    const auto messages = nlohmann::json::parse(server.bodies()[2]).at("messages");
    EXPECT_EQ(messages.dump(),
              R"([{"content":"Be brief.","role":"user"},{"content":"Hi!","role":"assistant"},)"
              R"({"content":"q","role":"user"}])");
    EXPECT_THAT(server.bodies()[2], HasSubstr("response_format")) << "the format was not what it refused";
    EXPECT_TRUE(restarts.empty());
}

TEST_F(template_refusals_test, what_it_never_takes_is_told_with_what_to_do_and_without_its_source) {
    traits.formats = catalog::format_form::none;
    const played_server server({{whole_answer(500, by_template)}});
    const run_outcome got = greeted(server);
    ASSERT_TRUE(got.failure);
    EXPECT_EQ(got.failure->kind, chat::failure_kind::bad_request);
    EXPECT_EQ(got.failure->message.text(),
              "The model's chat template refuses the order of these messages; send questions and answers in "
              "turn, or start a new chat.");
    EXPECT_THAT(server.bodies(), SizeIs(3));
    EXPECT_TRUE(restarts.empty());
}

}  // namespace
}  // namespace corral::engine::streaming
