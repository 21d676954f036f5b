// Whatever format a conversation comes in, what is left of it is what docs/long_prompts.md#turns promises.

#include "api/wire_formats.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "api/anthropic/messages_request.hpp"
#include "api/ollama/request_body.hpp"
#include "api/openai/generation_fields.hpp"
#include "api/openai/responses_request.hpp"
#include "corral/core/random_source.hpp"
#include "generation/prompt_cuts.hpp"

namespace corral::api {
namespace {

using json = nlohmann::ordered_json;
using messages = std::vector<chat::message>;

// Each text begins with a mark of its own, as "Q3 " or "R12 "; a call's mark is its name.
struct round_of_calls {
    std::vector<std::string> calls;
    std::vector<std::string> results;
    std::string note;  // of the client, behind the results
};
struct turn {
    std::string question;
    std::vector<round_of_calls> rounds;
    std::string answer;  // empty: the last one goes on
};
struct talk {
    std::string system;
    std::string note;  // of the client, before the last question
    std::vector<turn> turns;
};

talk random_talk(core::random_source& dice) {
    const auto up_to = [&dice](std::uint64_t most) { return dice.next() % (most + 1); };
    int number = 0;
    const auto text = [&](const char* kind) {
        const std::uint64_t size = up_to(9) == 0 ? up_to(5000) : up_to(200);
        return kind + std::to_string(number++) + " " + std::string(size, 'x');
    };
    talk out{up_to(2) == 0 ? "" : text("S"), up_to(1) == 0 ? "" : "<note>" + text("N") + "</note>", {}};
    const std::uint64_t last = up_to(6);
    for (std::uint64_t n = 0; n <= last; ++n) {
        turn one{text("Q"), {}, n < last ? text("A") : ""};
        for (std::uint64_t rounds = up_to(5) == 0 ? up_to(25) : up_to(2); rounds > 0; --rounds) {
            round_of_calls made;
            for (std::uint64_t calls = up_to(2) + 1; calls > 0; --calls) {
                made.calls.push_back("t" + std::to_string(number++));
                made.results.push_back(text("R"));
            }
            made.note = up_to(4) == 0 ? "<note>" + text("N") + "</note>" : "";
            one.rounds.push_back(std::move(made));
        }
        out.turns.push_back(std::move(one));
    }
    return out;
}

json said(const std::string& role, const std::string& content) {
    return {{"role", role}, {"content", content}};
}

// As Ollama and OpenAI have it. REQUIRES: `call` and `result` make them of a name and, for the latter, a text.
template <typename Call, typename Result>
json chat_of(const talk& all, Call call, Result result) {
    json out = json::array();
    if (!all.system.empty()) {
        out.push_back(said("system", all.system));
    }
    for (const turn& one : all.turns) {
        if (&one == &all.turns.back() && !all.note.empty()) {
            out.push_back(said("user", all.note));
        }
        out.push_back(said("user", one.question));
        for (const round_of_calls& made : one.rounds) {
            json asks = said("assistant", "");
            for (const std::string& name : made.calls) {
                asks["tool_calls"].push_back(call(name));
            }
            out.push_back(std::move(asks));
            for (std::size_t i = 0; i < made.calls.size(); ++i) {
                out.push_back(result(made.calls[i], made.results[i]));
            }
            if (!made.note.empty()) {
                out.push_back(said("user", made.note));
            }
        }
        if (!one.answer.empty()) {
            out.push_back(said("assistant", one.answer));
        }
    }
    return out;
}

messages through_ollama(const talk& all) {
    const json body{
        {"messages", chat_of(
                         all,
                         [](const std::string& name) {
                             return json{{"function", {{"name", name}, {"arguments", {{"a", 1}}}}}};
                         },
                         [](const std::string& name, const std::string& text) {
                             json out = said("tool", text);
                             out["tool_name"] = name;
                             return out;
                         })}};
    decode_problem problem;
    messages out = ollama::read_messages(json_fields(body, "ChatRequest", problem)).all;
    EXPECT_EQ(problem.message, "");
    return out;
}

http::request request_with(const json& body) {
    http::request out;
    out.body = body.dump();
    return out;
}

messages through_openai(const talk& all) {
    const json body{{"model", "tiny"},
                    {"messages", chat_of(
                                     all,
                                     [](const std::string& name) {
                                         return json{
                                             {"id", "c" + name},
                                             {"type", "function"},
                                             {"function", {{"name", name}, {"arguments", R"({"a":1})"}}}};
                                     },
                                     [](const std::string& name, const std::string& text) {
                                         json out = said("tool", text);
                                         out["tool_call_id"] = "c" + name;
                                         return out;
                                     })}};
    decode_problem problem;
    messages out = openai::read_chat_request(request_with(body), problem).messages;
    EXPECT_EQ(problem.message, "");
    return out;
}

messages through_responses(const talk& all) {
    json body{{"model", "tiny"}, {"input", json::array()}};
    if (!all.system.empty()) {
        body["instructions"] = all.system;
    }
    json& items = body["input"];
    for (const turn& one : all.turns) {
        if (&one == &all.turns.back() && !all.note.empty()) {
            items.push_back(said("user", all.note));
        }
        json asks = said("user", "");
        asks["type"] = "message";
        asks["content"] = json::array({json{{"type", "input_text"}, {"text", one.question}}});
        items.push_back(std::move(asks));
        for (const round_of_calls& made : one.rounds) {
            for (const std::string& name : made.calls) {
                items.push_back({{"type", "function_call"},
                                 {"call_id", "c" + name},
                                 {"name", name},
                                 {"arguments", "{}"}});
            }
            for (std::size_t i = 0; i < made.calls.size(); ++i) {
                items.push_back({{"type", "function_call_output"},
                                 {"call_id", "c" + made.calls[i]},
                                 {"output", made.results[i]}});
            }
            if (!made.note.empty()) {
                items.push_back(said("user", made.note));
            }
        }
        if (!one.answer.empty()) {
            items.push_back(said("assistant", one.answer));
        }
    }
    decode_problem problem;
    messages out = openai::read_responses_request(request_with(body), problem).common.messages;
    EXPECT_EQ(problem.message, "");
    return out;
}

json text_block(const std::string& text) {
    return {{"type", "text"}, {"text", text}};
}

// Notes stand in the message of a person, or behind results.
messages through_anthropic(const talk& all) {
    json body{{"model", "tiny"}, {"max_tokens", 9}, {"messages", json::array()}};
    if (!all.system.empty()) {
        body["system"] = all.system;
    }
    json& turns = body["messages"];
    for (const turn& one : all.turns) {
        json asks = json::array();
        if (&one == &all.turns.back() && !all.note.empty()) {
            asks.push_back(text_block(all.note));
        }
        asks.push_back(text_block(one.question));
        turns.push_back({{"role", "user"}, {"content", asks}});
        for (const round_of_calls& made : one.rounds) {
            json calls = json::array();
            json results = json::array();
            for (std::size_t i = 0; i < made.calls.size(); ++i) {
                const std::string id = "c" + made.calls[i];
                calls.push_back(
                    {{"type", "tool_use"}, {"id", id}, {"name", made.calls[i]}, {"input", json::object()}});
                results.push_back(
                    {{"type", "tool_result"}, {"tool_use_id", id}, {"content", made.results[i]}});
            }
            if (!made.note.empty()) {
                results.push_back(text_block(made.note));
            }
            turns.push_back({{"role", "assistant"}, {"content", calls}});
            turns.push_back({{"role", "user"}, {"content", results}});
        }
        if (!one.answer.empty()) {
            turns.push_back(said("assistant", one.answer));
        }
    }
    decode_problem problem;
    messages out = anthropic::read_messages_request(request_with(body), problem).talk.messages;
    EXPECT_EQ(problem.message, "");
    return out;
}

std::string mark_of(const std::string& text) {
    return text.substr(0, text.find(' ') + 1);
}

bool says(const messages& all, chat::role from, const std::string& text) {
    return std::any_of(all.begin(), all.end(), [&](const chat::message& one) {
        return one.from == from && one.content.find(mark_of(text)) != std::string::npos;
    });
}

void expect_calls_with_their_results(const messages& all) {
    std::vector<std::string> open;
    for (const chat::message& one : all) {
        if (one.from == chat::role::tool) {
            ASSERT_FALSE(open.empty()) << "a result without its call";
            ASSERT_EQ(one.tool_name, open.front());
            open.erase(open.begin());
            continue;
        }
        ASSERT_TRUE(open.empty()) << "a call without its result: " << open.front();
        for (const chat::tool_call& call : one.calls) {
            open.push_back(call.name);
        }
    }
    ASSERT_TRUE(open.empty()) << "a call without its result: " << open.front();
}

void expect_what_was_promised(const talk& all, messages read, std::uint64_t room) {
    chat::generation_request whole;
    whole.messages = std::move(read);
    generation::prompt_cutter cutter(whole);
    const bool shorter = cutter.fit(room);
    const messages& left = shorter ? cutter.rest().messages : whole.messages;
    const turn& last = all.turns.back();
    ASSERT_TRUE(says(left, chat::role::user, last.question)) << "the task";
    ASSERT_TRUE(all.system.empty() || says(left, chat::role::system, all.system));
    if (!last.rounds.empty()) {
        for (const std::string& result : last.rounds.back().results) {
            ASSERT_TRUE(says(left, chat::role::tool, result)) << "the newest result";
        }
    }
    expect_calls_with_their_results(left);
    const auto first = std::find_if(left.begin(), left.end(),
                                    [](const chat::message& one) { return one.from != chat::role::system; });
    ASSERT_TRUE(first != left.end() && first->from == chat::role::user);
}

TEST(wire_formats, a_conversation_that_is_cut_keeps_its_task_and_its_newest_result_in_each) {
    using reading = messages (*)(const talk&);
    const std::vector<std::pair<std::string, reading>> formats{{"Ollama's", through_ollama},
                                                               {"OpenAI's chat", through_openai},
                                                               {"OpenAI's responses", through_responses},
                                                               {"Anthropic's", through_anthropic}};
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        core::seeded_random dice(seed);
        const talk all = random_talk(dice);
        const std::uint64_t room = dice.next() % 4000;
        for (const auto& [name, through] : formats) {
            SCOPED_TRACE(name + " format, seed " + std::to_string(seed) + ", room " + std::to_string(room));
            expect_what_was_promised(all, through(all), room);
            ASSERT_FALSE(HasFatalFailure());
        }
    }
}

}  // namespace
}  // namespace corral::api
