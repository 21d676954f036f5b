// Random adversarial conversations: what the service builds must be the plain template over the neutralised
// texts, with no control token but the template's own.

#include <random>

#include <gtest/gtest.h>

#include "corral/chat/render.hpp"
#include "rounds.hpp"
#include "service_wrapper.hpp"

namespace corral::chat::tests {
namespace {

constexpr int rounds = test_rounds(1'000);

// Whole tokens, their halves, tags and harmless text, in any order.
class hostile_text {
public:
    explicit hostile_text(const family& in)
        : pieces_{"a", " ", "\n", "<", "|", ">", "é", "</think>", "<think>"} {
        for (const auto token : in.control_tokens) {
            pieces_.emplace_back(token);
            pieces_.emplace_back(token.substr(0, token.size() / 2));
            pieces_.emplace_back(token.substr(token.size() / 2));
            pieces_.emplace_back(token.substr(0, token.size() - 1));
            pieces_.emplace_back(token.substr(1));
        }
    }

    std::string operator()(std::mt19937& random) const {
        std::string out;
        for (auto left = random() % 8; left > 0; --left) {
            out += pieces_[random() % pieces_.size()];
        }
        return out;
    }

private:
    std::vector<std::string> pieces_;
};

std::size_t count_tokens(const family& in, std::string_view text) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const auto token : in.control_tokens) {
            count += text.substr(at).starts_with(token) ? 1 : 0;
        }
    }
    return count;
}

TEST(render_property, neutralised_text_holds_no_control_token) {
    std::mt19937 random(20'261);
    for (const auto* one : families()) {
        const hostile_text hostile(*one);
        for (int round = 0; round < rounds; ++round) {
            const auto text = hostile(random);
            const auto safe = neutralise(*one, text);
            ASSERT_EQ(count_tokens(*one, safe), 0U) << one->name << ": " << text << " became " << safe;
            ASSERT_EQ(neutralise(*one, safe), safe) << one->name << ": " << text;
        }
    }
}

std::string visible(const family& in, std::string content) {
    const auto close = content.rfind("</think>");
    if (in.thinks && close != std::string::npos) {
        content.erase(0, close + 8);
        content.erase(0, content.find_first_not_of('\n'));
    }
    return neutralise(in, content);
}

// The plain ChatML template, turn by turn; roles alternate, so nothing merges.
std::string plain_chatml(const family& in, const std::vector<message>& messages) {
    std::string out;
    for (const auto& one : messages) {
        out += "<|im_start|>";
        if (one.from == role::assistant) {
            out += "assistant\n" + visible(in, one.content);
        } else {
            out += (one.from == role::system ? "system\n" : "user\n") + neutralise(in, one.content);
        }
        out += "<|im_end|>\n";
    }
    return out + "<|im_start|>assistant\n";
}

std::vector<message> random_conversation(const hostile_text& hostile, std::mt19937& random) {
    std::vector<message> messages{says(role::system, "S" + hostile(random))};
    const auto turns = 1 + 2 * (random() % 3);
    const bool leading_assistant = random() % 4 == 0;
    if (leading_assistant) {
        messages.push_back(says(role::assistant, hostile(random)));
    }
    for (std::size_t at = 0; at < turns; ++at) {
        messages.push_back(says(at % 2 == 0 ? role::user : role::assistant, hostile(random)));
    }
    return messages;
}

TEST(render_property, the_service_builds_the_plain_template) {
    std::mt19937 random(20'262);
    for (const auto* one : families()) {
        if (one->turn_open != "<|im_start|>" || one->user_header != "user\n") {
            continue;
        }
        const hostile_text hostile(*one);
        render_options how;
        how.format = one;
        for (int round = 0; round < rounds; ++round) {
            const auto messages = random_conversation(hostile, random);
            const auto prompt = render(how, messages, nullptr, thinking_mode::on);
            ASSERT_TRUE(prompt.has_value());
            const auto text = chatml_service_text(*prompt);
            ASSERT_EQ(text, plain_chatml(*one, messages)) << one->name;
            ASSERT_EQ(count_tokens(*one, text), 2 * messages.size() + 1) << one->name << ": " << text;
        }
    }
}

// Tool calls and results too.
std::vector<message> random_tool_loop(const hostile_text& hostile, std::mt19937& random) {
    auto messages = random_conversation(hostile, random);
    for (auto& each : messages) {
        each.thinking = each.from == role::assistant && random() % 3 == 0 ? hostile(random) : std::string{};
        if (each.from == role::assistant && random() % 2 == 0) {
            each.calls.push_back({"", hostile(random), {{hostile(random), hostile(random)}}});
        }
    }
    if (random() % 2 == 0) {
        messages.push_back(says(role::tool, hostile(random)));
        messages.push_back(says(role::tool, hostile(random)));
    }
    return messages;
}

std::vector<message> harmless(std::vector<message> messages) {
    for (auto& each : messages) {
        each.content = "x";
        each.thinking = each.thinking.empty() ? "" : "x";
        for (auto& call : each.calls) {
            call = {"", "x", nlohmann::ordered_json::object()};
        }
    }
    return messages;
}

TEST(render_property, no_message_forges_a_mark_of_any_family) {
    std::mt19937 random(20'263);
    for (const auto* one : families()) {
        const hostile_text hostile(*one);
        render_options how;
        how.format = one;
        for (int round = 0; round < rounds; ++round) {
            const auto messages = random_tool_loop(hostile, random);
            const auto mode = random() % 2 == 0 ? thinking_mode::on : thinking_mode::off;
            const auto prompt = render(how, messages, nullptr, mode);
            const auto clean = render(how, harmless(messages), nullptr, mode);
            ASSERT_TRUE(prompt.has_value() && clean.has_value());
            ASSERT_EQ(count_tokens(*one, prompt->system), count_tokens(*one, clean->system))
                << prompt->system;
            ASSERT_EQ(count_tokens(*one, prompt->turns), count_tokens(*one, clean->turns)) << prompt->turns;
        }
    }
}

// Verbatim, and by a template; the answer that stays open is hostile too.
TEST(render_property, no_message_forges_a_mark_in_a_verbatim_prompt) {
    std::mt19937 random(20'264);
    const auto tools = [](const std::string& name) {
        return nlohmann::ordered_json{{{"type", "function"}, {"function", {{"name", name}, {name, {name}}}}}};
    };
    for (const auto* one : families()) {
        const hostile_text hostile(*one);
        render_options how;
        how.format = one;
        how.may_be_verbatim = true;
        const auto shown = shown_template(*one) + "{{/* another */}}";
        for (int round = 0; round < rounds / 2; ++round) {
            auto messages = random_tool_loop(hostile, random);
            messages.push_back(says(role::assistant, hostile(random)));
            messages.back().thinking = random() % 2 == 0 ? hostile(random) : std::string{};
            how.prompt_template = random() % 2 == 0 ? shown : std::string{};
            const bool with_tools = one->tools != tool_style::none;
            const auto prompt =
                render(how, messages, with_tools ? tools(hostile(random)) : nullptr, thinking_mode::on);
            const auto clean =
                render(how, harmless(messages), with_tools ? tools("x") : nullptr, thinking_mode::on);
            ASSERT_TRUE(prompt.has_value() && clean.has_value());
            ASSERT_TRUE(prompt->verbatim);
            ASSERT_EQ(count_tokens(*one, prompt->turns), count_tokens(*one, clean->turns)) << prompt->turns;
        }
    }
}

}  // namespace
}  // namespace corral::chat::tests
