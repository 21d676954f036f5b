// The `context` of /api/generate: what is sent back goes on with the conversation
// (docs/facts/ollama_wire.md#generate-request, #generate-reply).

#include "api/ollama/conversation_context.hpp"
#include "api_fixture.hpp"

namespace corral::api {
namespace {

using ollama::decode_context;
using ollama::encode_context;

chat::message said(chat::role from, std::string text) {
    chat::message out;
    out.from = from;
    out.content = std::move(text);
    return out;
}

std::vector<chat::message> conversation() {
    return {said(chat::role::system, "be kind"), said(chat::role::user, "Grüße, 世界 \n\"x\""),
            said(chat::role::assistant, std::string(300, 'y')), said(chat::role::user, "")};
}

TEST(conversation_context, comes_back_as_it_went) {
    const auto context = encode_context(conversation());
    const auto back = decode_context(context);
    ASSERT_TRUE(back);
    ASSERT_EQ(back->size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ((*back)[i].from, conversation()[i].from);
        EXPECT_EQ((*back)[i].content, conversation()[i].content);
    }
    EXPECT_EQ(context, encode_context(conversation()));
    EXPECT_LT(context.size(), 345U / 3 + 10);
    EXPECT_TRUE(encode_context({}).empty());
}

TEST(conversation_context, is_exact) {
    // 'u', length 2, "Hi", 'a', length 1, "!", padded to nine bytes.
    const auto context = encode_context({said(chat::role::user, "Hi"), said(chat::role::assistant, "!")});
    ASSERT_EQ(context.size(), 7U);
    EXPECT_EQ(context[0], 0x434C01U);
    EXPECT_EQ(context[1], 7U);
    EXPECT_EQ(context[4], 0x750248U);
    EXPECT_EQ(context[5], 0x696101U);
    EXPECT_EQ(context[6], 0x210000U);
}

TEST(conversation_context, any_change_is_noticed) {
    const auto whole = encode_context(conversation());
    for (std::size_t i = 0; i < whole.size(); ++i) {
        auto changed = whole;
        changed[i] ^= 1;
        EXPECT_FALSE(decode_context(changed)) << i;
        auto cut = whole;
        cut.resize(i);
        EXPECT_FALSE(decode_context(cut)) << i;
        auto shifted = whole;
        shifted.insert(shifted.begin() + static_cast<std::ptrdiff_t>(i), 7);
        EXPECT_FALSE(decode_context(shifted)) << i;
    }
    EXPECT_FALSE(decode_context({1, 2, 3}));
    EXPECT_FALSE(decode_context({0x434C01, 0xFFFFFF, 0, 0, 0}));
}

TEST(conversation_context, the_oldest_turns_go_when_it_is_too_long) {
    const std::string half(ollama::max_context_bytes / 2, 'x');
    const auto back = decode_context(encode_context(
        {said(chat::role::system, "s"), said(chat::role::user, "first"), said(chat::role::assistant, half),
         said(chat::role::user, "second"), said(chat::role::assistant, half)}));
    ASSERT_TRUE(back);
    ASSERT_EQ(back->size(), 3U);
    EXPECT_EQ((*back)[0].content, "s");
    EXPECT_EQ((*back)[1].content, "second");
    EXPECT_TRUE(encode_context({said(chat::role::user, half + half + half)}).empty());
}

class ollama_context : public test::api_test {
protected:
    nlohmann::json answer_to(const std::string& rest, const std::string& says = "Hello") {
        backend.otherwise.pieces = {says};
        const auto got = ask("POST", "/api/generate", R"({"model":"tiny","stream":false,)" + rest + "}");
        EXPECT_EQ(got->answer.status, 200U) << got->answer.body;
        return nlohmann::json::parse(got->answer.body);
    }
    std::string last_turns() { return backend.seen.empty() ? "" : backend.seen.back().prompt.turns; }
};

TEST_F(ollama_context, goes_on_with_the_conversation) {
    const auto first = answer_to(R"("prompt":"My name is Ada.","system":"be brief")", "Hello Ada");
    const auto second = answer_to(R"("prompt":"Who am I?","context":)" + first["context"].dump(), "Ada");
    EXPECT_NE(last_turns().find("My name is Ada."), std::string::npos) << last_turns();
    EXPECT_NE(last_turns().find("Hello Ada"), std::string::npos);
    EXPECT_NE(last_turns().find("Who am I?"), std::string::npos);
    EXPECT_NE(backend.seen.back().prompt.system.find("be brief"), std::string::npos);
    answer_to(R"("prompt":"And now?","system":"be long","context":)" + second["context"].dump());
    for (const char* part : {"My name is Ada.", "Hello Ada", "Who am I?", "And now?"}) {
        EXPECT_NE(last_turns().find(part), std::string::npos) << part;
    }
    EXPECT_NE(backend.seen.back().prompt.system.find("be long"), std::string::npos);
    EXPECT_EQ(backend.seen.back().prompt.system.find("be brief"), std::string::npos);
}

TEST_F(ollama_context, stands_in_the_last_line_only_and_remembers_what_was_streamed) {
    backend.otherwise.pieces = {"Hel", "lo"};
    const auto got = ask("POST", "/api/generate", R"({"model":"tiny","prompt":"Hi"})");
    ASSERT_EQ(got->answer.writes.size(), 3U);
    EXPECT_EQ(got->answer.writes[0].find("context"), std::string::npos);
    const auto& line = got->answer.writes[2];
    EXPECT_NE(line.find(R"("done_reason":"stop","context":[)"), std::string::npos) << line;
    EXPECT_NE(line.find(R"(],"total_duration":)"), std::string::npos) << line;
    const auto back =
        decode_context(nlohmann::json::parse(line)["context"].get<std::vector<std::uint32_t>>());
    ASSERT_TRUE(back);
    ASSERT_EQ(back->size(), 2U);
    EXPECT_EQ((*back)[0].content, "Hi");
    EXPECT_EQ((*back)[1].from, chat::role::assistant);
    EXPECT_EQ((*back)[1].content, "Hello");
}

TEST_F(ollama_context, thinking_is_not_remembered) {
    backend.entry.family = "qwen3";
    backend.entry.capabilities = {"completion", "thinking"};
    const auto first = answer_to(R"("prompt":"x")", "<think>\nhidden\n</think>\n\nseen");
    const auto back = decode_context(first["context"].get<std::vector<std::uint32_t>>());
    ASSERT_TRUE(back);
    EXPECT_EQ(back->back().content, "seen");
}

TEST_F(ollama_context, foreign_integers_are_refused) {
    const std::string ours =
        "context is not one that this server gave: send back that of an earlier answer, whole and unchanged, "
        "or leave it out";
    const std::vector<std::pair<std::string, std::string>> rows{
        {"[1,2,3]", ours},
        {"[-1]", ours},
        {"[18446744073709551615]", ours},
        {R"(["x"])",
         "json: cannot unmarshal string into Go struct field GenerateRequest.context of type int"},
        {"[1.5]",
         "json: cannot unmarshal number 1.5 into Go struct field GenerateRequest.context of type int"},
    };
    for (const auto& [integers, text] : rows) {
        const auto got =
            ask("POST", "/api/generate", R"({"model":"tiny","prompt":"x","context":)" + integers + "}");
        EXPECT_EQ(got->answer.status, 400U) << integers;
        EXPECT_EQ(nlohmann::json::parse(got->answer.body)["error"], text);
    }
    EXPECT_TRUE(backend.seen.empty());
    EXPECT_TRUE(answer_to(R"("prompt":"x","context":[])").contains("context"));
}

}  // namespace
}  // namespace corral::api
