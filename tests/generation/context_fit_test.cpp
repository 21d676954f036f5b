#include "generation/context_fit.hpp"

#include <cstdlib>

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
    // As long as those of a chat window: about 200 bytes each.
    static chat::generation_request with_tools(chat::generation_request to, std::size_t count) {
        to.tools = nlohmann::ordered_json::array();
        for (std::size_t i = 0; i < count; ++i) {
            to.tools.push_back(
                {{"type", "function"},
                 {"function",
                  {{"name", "tool_number_" + std::to_string(i)},
                   {"description", "Does what number " + std::to_string(i) + " says. And more of it."},
                   {"parameters",
                    {{"type", "object"},
                     {"properties",
                      {{"text", {{"type", "string"}, {"description", "The text. All of it."}}}}}}}}}});
        }
        return to;
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
    // About half of the room, so that the next turns have some.
    EXPECT_GT(turns().size() + backend.seen.at(0).prompt.system.size(), 450U);
}

TEST_F(context_fit, truncate_false_is_refused_with_the_numbers) {
    backend.prompt_limit = 200;
    auto what = long_talk(10);
    what.limits.truncate = false;
    const test::reading got = read(what);
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, chat::failure_kind::context_too_long);
    EXPECT_NE(got.failed->message.text().find("200"), std::string::npos) << got.failed->message;
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(context_fit, one_turn_too_long_loses_its_middle) {
    backend.prompt_limit = 600;
    const test::reading got = read(request("begin " + std::string(5000, 'x') + " the question"));
    ASSERT_TRUE(got.finished);
    EXPECT_GT(got.cuts.text_bytes, 4000U);
    EXPECT_EQ(got.cuts.messages, 0U);
    EXPECT_NE(turns().find("begin "), std::string::npos);
    EXPECT_NE(turns().find(" the question"), std::string::npos);
    EXPECT_NE(turns().find("bytes of this text were left out"), std::string::npos);
    EXPECT_LE(backend.measures, 4);
}

TEST_F(context_fit, three_dozen_tools_give_way_to_the_question) {
    backend.prompt_limit = 2500;
    const test::reading got = read(with_tools(request("What time is it? Use tool number 7."), 36));
    ASSERT_TRUE(got.finished);
    EXPECT_GT(got.cuts.tools, 20U);
    EXPECT_LT(got.cuts.tools, 36U);
    EXPECT_NE(backend.seen.at(0).prompt.system.find("tool_number_7\""), std::string::npos) << "it was named";
    EXPECT_NE(turns().find("What time is it?"), std::string::npos);
    EXPECT_LE(backend.measures, 5);
}

// Whatever the words of the family: the task is there each time, roles alternate, and most of it was read before.
TEST_F(context_fit, a_tool_loop_keeps_its_task_and_goes_on_behind_what_was_read) {
    for (const char* family : {"chatml", "qwen3", "llama3", "qwen2.5"}) {
        for (const std::uint32_t limit : {1920U * 3, 6144U * 3}) {
            backend.entry.family = family;
            backend.prompt_limit = limit;
            backend.context = 0;
            chat::generation_request what = with_tools(request("THE TASK: find it with tool number 3."), 4);
            std::string before;
            std::size_t bytes = 0;
            std::size_t common = 0;
            for (int step = 0; step < 30; ++step) {
                chat::message call;
                call.from = chat::role::assistant;
                call.calls.push_back({"", "tool_number_3", {{"text", std::to_string(step)}}});
                what.messages.push_back(call);
                add(what, chat::role::tool, "result " + std::to_string(step) + std::string(limit / 8, 'r'));
                backend.seen.clear();
                const test::reading got = read(what);
                ASSERT_TRUE(got.finished) << family << " " << got.failed->message;
                const chat::rendered_prompt& sent = backend.seen.at(0).prompt;
                const std::string now = sent.system + sent.turns;
                ASSERT_NE(now.find("THE TASK"), std::string::npos) << family << " " << step;
                ASSERT_NE(now.find("result " + std::to_string(step)), std::string::npos);
                ASSERT_NE(now.find("tool_number_3"), std::string::npos);
                if (got.cuts.messages > 0) {
                    bytes += now.size();
                    common += static_cast<std::size_t>(
                        std::mismatch(now.begin(), now.end(), before.begin(), before.end()).first -
                        now.begin());
                }
                before = now;
            }
            EXPECT_GT(bytes, 0U);
            EXPECT_GT(common * 100, bytes * 60)
                << family << " " << limit << ": " << common * 100 / bytes << " %";
        }
    }
}

TEST_F(context_fit, an_agent_loop_has_the_same_tools_in_each_step) {
    backend.entry.family = "qwen2.5";
    backend.prompt_limit = 1920U * 3;
    backend.context = 0;
    chat::generation_request what = with_tools(request("THE TASK: go through all files."), 30);
    std::string before;
    for (int step = 0; step < 24; ++step) {
        chat::message call;
        call.from = chat::role::assistant;
        call.calls.push_back(
            {"", "tool_number_" + std::to_string(step % 3), {{"text", std::to_string(step)}}});
        what.messages.push_back(call);
        add(what, chat::role::tool,
            "result " + std::string(static_cast<std::size_t>(1 + step % 4) * 200, 'r'));
        backend.seen.clear();
        const test::reading got = read(what);
        ASSERT_TRUE(got.finished) << got.failed->message;
        const std::string now = backend.seen.at(0).prompt.system;
        if (step > 2) {  // each was called, and the loop is known for one
            EXPECT_GT(got.cuts.tools, 0U) << step;
            EXPECT_EQ(now, before) << step;
        }
        before = now;
    }
}

TEST_F(context_fit, truncate_false_is_refused_with_the_tokens_of_each_part) {
    backend.prompt_limit = 2500;
    auto what = with_tools(long_talk(2), 36);
    what.limits.truncate = false;
    const test::reading got = read(what);
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, chat::failure_kind::context_too_long);
    for (const char* part : {"system prompt ", "tools ", "turns ", "room for 2500"}) {
        EXPECT_NE(got.failed->message.text().find(part), std::string::npos) << got.failed->message;
    }
    EXPECT_EQ(got.failed->message.text().find("tools 0"), std::string::npos) << got.failed->message;
}

TEST_F(context_fit, a_model_that_refuses_long_prompts_leaves_nothing_out) {
    backend.prompt_limit = 1000;
    backend.entry.oversize = catalog::oversize_policy::refuse;
    const test::reading got = read(long_talk(30));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, chat::failure_kind::context_too_long);
}

TEST_F(context_fit, shortened_requests_are_told_for_each_client) {
    backend.prompt_limit = 1000;
    EXPECT_TRUE(generations->warnings().empty());
    EXPECT_TRUE(read(long_talk(30)).finished);
    EXPECT_TRUE(read(long_talk(30)).finished);
    ASSERT_EQ(generations->warnings().size(), 1U);
    EXPECT_NE(generations->warnings()[0].find("Requests of c1 "), std::string::npos);
    EXPECT_NE(generations->warnings()[0].find("(2, the last by messages="), std::string::npos);
}

TEST_F(context_fit, what_is_surely_too_long_is_never_counted) {
    backend.context = 16;
    auto what = request(std::string(16 * 256 + 1, 'x'));
    what.limits.truncate = false;
    const test::reading got = read(what);
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

TEST_F(context_fit, what_can_not_be_made_to_fit_is_refused) {
    backend.prompt_limit = 0;
    const test::reading got = read(long_talk(4));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, chat::failure_kind::context_too_long);
    EXPECT_NE(got.failed->message.text().find("no room for a turn"), std::string::npos)
        << got.failed->message;
    EXPECT_NE(got.failed->message.text().find("nothing more can be left out"), std::string::npos);
}

// Any conversation, tools and limit: what was sent fits by the runtime's own count, or the refusal names the
// parts. CORRAL_FIT_CASES makes it longer.
TEST_F(context_fit, whatever_is_asked_fits_or_is_refused_with_its_parts) {
    core::seeded_random dice{20'260};
    const auto up_to = [&](std::uint64_t most) { return dice.next() % (most + 1); };
    const char* const said = std::getenv("CORRAL_FIT_CASES");
    const int cases = said == nullptr ? 1000 : std::atoi(said);
    int refused = 0;
    for (int round = 0; round < cases; ++round) {
        chat::generation_request what = long_talk(static_cast<int>(up_to(12)));
        what.messages.front().content += std::string(up_to(3000), 's');
        what.messages.back().content += std::string(up_to(3000), 'u');
        if (up_to(1) == 1) {
            what = with_tools(std::move(what), up_to(20) + 1);
        }
        if (up_to(4) == 0) {
            chat::tool_call call;
            call.name = "tool_number_1";
            call.arguments = nlohmann::ordered_json::object();
            what.messages.at(1).calls.push_back(call);
        }
        what.limits.truncate = up_to(9) != 0;
        backend.prompt_limit = static_cast<std::uint32_t>(up_to(6000));
        backend.seen.clear();
        const test::reading got = read(what);
        if (got.finished) {
            const chat::rendered_prompt& sent = backend.seen.at(0).prompt;
            ASSERT_LE(sent.system.size() + sent.turns.size(), backend.prompt_limit);
            continue;
        }
        ++refused;
        ASSERT_TRUE(got.failed);
        ASSERT_EQ(got.failed->kind, chat::failure_kind::context_too_long) << got.failed->message;
        ASSERT_NE(got.failed->message.text().find("tokens long: system prompt "), std::string::npos);
        ASSERT_TRUE(!what.limits.truncate || backend.prompt_limit < 1500U)
            << got.failed->message << " limit " << backend.prompt_limit;
    }
    EXPECT_GT(refused, cases / 40);
    EXPECT_LT(refused, cases * 3 / 4);
}

TEST_F(context_fit, a_prompt_that_the_runtime_finds_too_long_is_fitted_anew_before_anybody_sees_it) {
    chat::failure longer = failure(true);
    longer.kind = chat::failure_kind::context_too_long;
    test::scripted_run refusing = failing(true);
    refusing.failure = longer;
    backend.script = {refusing, refusing, saying({"there"})};
    const test::reading got = read(request());
    ASSERT_TRUE(got.finished) << got.failed->message;
    EXPECT_EQ(got.text, "there");
    EXPECT_EQ(backend.seen.size(), 3U);
}

TEST_F(context_fit, a_prompt_that_never_fits_is_refused_after_a_few_runs_and_not_worth_another_try) {
    test::scripted_run refusing = failing(true);
    refusing.failure->kind = chat::failure_kind::context_too_long;
    backend.otherwise = refusing;
    const test::reading got = read(request());
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, chat::failure_kind::context_too_long);
    EXPECT_FALSE(got.failed->retryable);
    EXPECT_EQ(backend.seen.size(), 4U);
    backend.seen.clear();
    backend.otherwise.failure->retryable = false;
    ASSERT_TRUE(read(request()).failed);
    EXPECT_EQ(backend.seen.size(), 1U) << "nothing was learnt";
}

}  // namespace
}  // namespace corral::generation
