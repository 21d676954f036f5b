#include "generation/context_fit.hpp"

#include "generation_driver.hpp"

namespace corral::generation {
namespace {

class context_fit : public test::generation_test {
protected:
    // system + `turns` exchanges of about 100 bytes each + a last question.
    static chat::generation_request long_talk(int turns) {
        chat::generation_request out = request();
        out.messages.clear();
        add(out, chat::role::system, "Be brief.");
        for (int i = 0; i < turns; ++i) {
            add(out, chat::role::user, "question " + std::to_string(i) + " " + std::string(80, 'q'));
            add(out, chat::role::assistant, "answer " + std::to_string(i) + " " + std::string(80, 'a'));
        }
        add(out, chat::role::user, "the last question");
        return out;
    }
    static void add(chat::generation_request& to, chat::role from, std::string content) {
        chat::message each;
        each.from = from;
        each.content = std::move(content);
        to.messages.push_back(std::move(each));
    }
    std::string turns() { return backend.seen.at(0).prompt.turns; }
};

TEST_F(context_fit, leaves_a_fitting_conversation_alone_with_one_measure) {
    const test::reading got = read(long_talk(3));
    EXPECT_TRUE(got.finished);
    EXPECT_EQ(got.dropped, 0U);
    EXPECT_EQ(backend.measures, 1);
    EXPECT_NE(turns().find("question 0"), std::string::npos);
}

TEST_F(context_fit, drops_the_oldest_turns_and_keeps_system_and_the_newest) {
    backend.prompt_limit = 1000;
    const test::reading got = read(long_talk(30));
    ASSERT_TRUE(got.finished);
    EXPECT_GT(got.dropped, 0U);
    EXPECT_LE(backend.measures, 5);
    EXPECT_EQ(turns().find("question 0 "), std::string::npos);
    EXPECT_NE(turns().find("the last question"), std::string::npos);
    EXPECT_NE(backend.seen.at(0).prompt.system.find("Be brief."), std::string::npos);
    // Not more than needed was dropped: at least half of the room is used.
    EXPECT_GT(turns().size() + backend.seen.at(0).prompt.system.size(), 500U);
}

TEST_F(context_fit, truncate_false_is_refused_with_the_numbers) {
    backend.prompt_limit = 200;
    auto what = long_talk(10);
    what.limits.truncate = false;
    const test::reading got = read(what);
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, chat::failure_kind::context_too_long);
    EXPECT_NE(got.failed->message.find("200"), std::string::npos) << got.failed->message;
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(context_fit, one_turn_too_long_is_refused_with_the_numbers) {
    backend.prompt_limit = 200;
    const test::reading got = read(request(std::string(5000, 'x')));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, chat::failure_kind::context_too_long);
    EXPECT_NE(got.failed->message.find("200"), std::string::npos) << got.failed->message;
}

TEST_F(context_fit, what_is_surely_too_long_is_never_counted) {
    backend.context = 16;
    const test::reading got = read(request(std::string(16 * 256 + 1, 'x')));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, chat::failure_kind::context_too_long);
    EXPECT_EQ(backend.measures, 0);
}

// Before it is rendered or waits, and with room for what truncation would leave.
TEST_F(context_fit, length_alone_tells_what_can_never_fit) {
    constexpr std::uint32_t context = 16;
    const std::string most(16 * 256, 'x');
    chat::generation_request asked = request(most);
    EXPECT_FALSE(surely_too_long(asked, context));
    asked.messages.insert(asked.messages.begin(), asked.messages.front());
    EXPECT_FALSE(surely_too_long(asked, context)) << "the older turn can go";
    asked.limits.truncate = false;
    EXPECT_TRUE(surely_too_long(asked, context));
    EXPECT_FALSE(surely_too_long(asked, 0)) << "of a context of unknown length";
    EXPECT_TRUE(surely_too_long(request(most + "x"), context));
    chat::generation_request raw;
    raw.raw_prompt = most + "x";
    EXPECT_TRUE(surely_too_long(raw, context));
}

TEST_F(context_fit, a_system_text_without_room_is_refused) {
    backend.prompt_limit = 0;
    const test::reading got = read(long_talk(4));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, chat::failure_kind::context_too_long);
    EXPECT_NE(got.failed->message.find("system text"), std::string::npos) << got.failed->message;
}

TEST_F(context_fit, drops_to_a_share_but_at_least_one_turn) {
    auto talk = long_talk(10);
    const std::size_t before = talk.messages.size();
    EXPECT_TRUE(drop_to_share(talk.messages, 1.0));
    EXPECT_LT(talk.messages.size(), before);
    EXPECT_TRUE(drop_to_share(talk.messages, 0.0));
    EXPECT_FALSE(drop_to_share(talk.messages, 0.0));
    EXPECT_EQ(talk.messages.back().content, "the last question");
    EXPECT_EQ(talk.messages.front().content, "Be brief.");
}

}  // namespace
}  // namespace corral::generation
