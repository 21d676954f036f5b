// What a server refuses and is asked for again without.

#include <gmock/gmock.h>

#include "engine/stream_run_fixture.hpp"

namespace corral::engine::streaming {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using tests::event_stream;
using tests::played_server;
using tests::said;
using tests::stream_done;
using tests::whole_answer;

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
