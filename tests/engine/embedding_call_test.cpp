// One call for vectors after the other, to a server that refuses, hangs and lies.

#include "engine/streaming/embedding_call.hpp"

#include <gmock/gmock.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "engine/dialects/openai_sse/openai_reader.hpp"
#include "engine/played_server.hpp"

namespace corral::engine::streaming {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using tests::played_server;
using tests::whole_answer;

const std::string two = R"({"data":[{"embedding":[1,2]},{"embedding":[3,4]}],"usage":{"prompt_tokens":9}})";
const std::string first = R"({"data":[{"embedding":[5,6]}],"usage":{"prompt_tokens":4}})";
const std::string too_large =
    "{\"error\":{\"code\":500,\"message\":\"input (1000 tokens) is too large to process. increase the "
    "physical batch "
    "size (current batch size: 500)\",\"type\":\"server_error\"}}";

class embedding_call_test : public testing::Test {
protected:
    embedding_outcome ask(const played_server& from, std::vector<std::string> texts, bool truncate = true,
                          core::nanoseconds patience = core::seconds{20},
                          core::nanoseconds deadline = core::seconds{30}) {
        embedding_server server;
        server.how.target = "/v1/embeddings";
        server.at = from.at();
        server.clock = &clock;
        server.stall = core::seconds{20};
        server.patience = [patience](std::uint32_t) { return patience; };
        server.error_of = [](unsigned status, std::string_view body) {
            error_part out = openai_sse::error_in(body);
            out.status = status;
            return out;
        };
        embedding_order what{std::move(texts), truncate, core::deadline::after(deadline, clock.now())};
        std::optional<embedding_outcome> out;
        boost::asio::io_context loop;
        boost::asio::co_spawn(loop, embed_texts(std::move(server), std::move(what)),
                              [&](const std::exception_ptr& thrown, embedding_outcome made) {
                                  EXPECT_FALSE(thrown);
                                  out = std::move(made);
                              });
        loop.run();
        return out ? std::move(*out) : embedding_outcome(chat::failure{});
    }
    core::steady_clock_source clock;
};

TEST_F(embedding_call_test, all_texts_of_a_batch_go_in_one_call) {
    const played_server server({{whole_answer(200, two)}});
    const auto made = ask(server, {"a", "b"});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_THAT(made->vectors, ElementsAre(ElementsAre(1.0F, 2.0F), ElementsAre(3.0F, 4.0F)));
    EXPECT_EQ(made->prompt_tokens, 9U);
    EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(embedding_call_test, only_the_text_that_is_too_long_is_cut) {
    const played_server server({{whole_answer(500, too_large)},
                                {whole_answer(200, first)},
                                {whole_answer(500, too_large)},
                                {whole_answer(200, first)}});
    const auto made = ask(server, {"short", std::string(4000, 'x')});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_THAT(made->vectors, SizeIs(2));
    EXPECT_EQ(made->prompt_tokens, 8U);
    EXPECT_THAT(server.requests(), SizeIs(4));
}

TEST_F(embedding_call_test, a_server_that_finds_everything_too_long_is_not_asked_for_ever) {
    const played_server server({{whole_answer(500, too_large)}});
    const auto made = ask(server, {std::string(4000, 'x')});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().message, "the input length exceeds the context length");
    EXPECT_LE(server.requests().size(), 25U);
}

TEST_F(embedding_call_test, what_must_not_be_cut_is_refused) {
    const played_server server({{whole_answer(500, too_large)}});
    const auto made = ask(server, {std::string(4000, 'x')}, false);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, chat::failure_kind::context_too_long);
    EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(embedding_call_test, each_way_to_fail_has_its_kind) {
    struct row {
        std::string answer;
        chat::failure_kind kind;
        std::string name;
    };
    const std::vector<row> table{
        {whole_answer(501, R"({"error":{"message":"Start it with `--embeddings`"}})"),
         chat::failure_kind::unsupported, "no-embeddings"},
        {whole_answer(503, "{}"), chat::failure_kind::unavailable, "busy"},
        {whole_answer(400, R"({"error":{"message":"Input content cannot be empty"}})"),
         chat::failure_kind::bad_request, "texts-refused"},
        {whole_answer(500, "{}"), chat::failure_kind::runtime_failed, "embedding-refused"},
        {whole_answer(200, "[]"), chat::failure_kind::runtime_failed, "vectors-unusable"},
        {"HTTP/1.1 200 X\r\nContent-Length: 500\r\n\r\n{", chat::failure_kind::runtime_failed, "call-failed"},
    };
    for (const row& each : table) {
        const played_server server({{each.answer}});
        const auto made = ask(server, {"a"});
        ASSERT_FALSE(made) << each.answer;
        EXPECT_EQ(made.error().kind, each.kind) << each.answer;
        EXPECT_EQ(name_of(made.error()), each.name) << each.answer;
    }
    const played_server silent({{"", true}});
    const auto made = ask(silent, {"a"}, true, core::milliseconds{200});
    ASSERT_FALSE(made);
    EXPECT_EQ(name_of(made.error()), "call-silent");
}

// A server that is restarted as hung takes the answers of others with it.
TEST_F(embedding_call_test, a_deadline_that_passes_is_no_silence_of_the_server) {
    for (const char* const so_far : {"", "HTTP/1.1 200 X\r\nContent-Length: 500\r\n\r\n{",
                                     "HTTP/1.1 500 X\r\nContent-Length: 500\r\n\r\n{"}) {
        const played_server slow({{so_far, true}});
        const auto made = ask(slow, {"a"}, true, core::seconds{20}, core::milliseconds{200});
        ASSERT_FALSE(made) << so_far;
        EXPECT_EQ(made.error().kind, chat::failure_kind::timed_out) << so_far;
        EXPECT_EQ(name_of(made.error()), "deadline") << so_far;
        EXPECT_FALSE(made.error().retryable) << so_far;
    }
}

}  // namespace
}  // namespace corral::engine::streaming
