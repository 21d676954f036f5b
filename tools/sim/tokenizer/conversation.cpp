#include "tokenizer/conversation.hpp"

#include "utf8.hpp"

namespace corral::sim {
namespace {

constexpr const char* persona = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";
constexpr std::string_view no_think = "/no_think";
constexpr std::size_t generation_prompt_tokens = 3;  // <|im_start|> assistant \n
constexpr std::size_t patience_of_qwen25 = 9;

void erase_all(std::string& text, std::string_view word) {
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at))
        text.erase(at, word.size());
}

std::string without_think_tags(std::string reply) {
    erase_all(reply, "<think>");
    erase_all(reply, "</think>");
    const auto first = reply.find_first_not_of('\n');
    if (first == std::string::npos) return {};
    return reply.substr(first, reply.find_last_not_of('\n') - first + 1);
}

std::string trimmed(const std::string& text) {
    constexpr const char* white = " \n\t\r";
    const auto first = text.find_first_not_of(white);
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(white) - first + 1);
}

}  // namespace

conversation::conversation(const tokenizer_options& options) : options_(options) {
    reset("");
}

std::string conversation::render() const {
    std::string out;
    std::string expected = "user";
    for (const auto& m : messages_) {
        if (options_.strict && m.role != "system") {
            if (m.role != expected)
                throw template_error(
                    "jinja2.exceptions.TemplateError: Conversation roles must alternate "
                    "user/assistant/user/...");
            expected = m.role == "user" ? "assistant" : "user";
        }
        out += "<|im_start|>" + m.role + "\n" + (options_.trim ? trimmed(m.content) : m.content) +
               "<|im_end|>\n";
    }
    return out + "<|im_start|>assistant\n";
}

token_ids conversation::ids_of(const std::string& text) const {
    const encoding_quirks quirks{.merges_newlines = options_.merge,
                                 .strips = options_.control == "strip",
                                 .knows_control = options_.control != "none"};
    return vocabulary::instance().encode(text, quirks);
}

token_ids conversation::baseline_ids() const {
    auto ids = ids_of(render());
    ids.resize(ids.size() - generation_prompt_tokens);
    return ids;
}

token_ids conversation::reset(const std::string& system_prompt) {
    messages_ = {{"system", system_prompt.empty() ? persona : system_prompt}};
    baseline_ = baseline_ids();
    printed_ += "reset: " + decode(baseline_) + "\n";
    return baseline_;
}

encoded_turn conversation::encode(const std::string& text, const std::string& last_reply) {
    if (!last_reply.empty()) {
        messages_.push_back(
            {"assistant", options_.family == "qwen3" ? without_think_tags(last_reply) : last_reply});
        baseline_ = baseline_ids();
    }
    auto content = text;
    if (options_.family == "qwen3" && options_.no_think && !content.ends_with(no_think)) content += no_think;
    messages_.push_back({"user", content});
    encoded_turn turn;
    turn.all = ids_of(render());
    if (baseline_.size() < turn.all.size())
        turn.diff.assign(turn.all.begin() + static_cast<std::ptrdiff_t>(baseline_.size()), turn.all.end());
    printed_ += "prompt: " + decode(turn.diff) + "\n";
    return turn;
}

std::string conversation::decode(const token_ids& ids) {
    if (options_.family == "plain") return decode_utf8(vocabulary::instance().decode(ids)).text;
    cache_.insert(cache_.end(), ids.begin(), ids.end());
    auto text = decode_utf8(vocabulary::instance().decode(cache_));
    if (text.has_replacement) {
        printed_ += "text contains illegal characters\n";
        if (options_.family == "qwen3" || cache_.size() <= patience_of_qwen25) return {};
        erase_all(text.text, "\xEF\xBF\xBD");
    }
    cache_.clear();
    return text.text;
}

void conversation::mute() {
    cache_.push_back(0xE4);
}  // the first byte of a three-byte character

std::string conversation::take_printed() {
    std::string out;
    out.swap(printed_);
    return out;
}

}  // namespace corral::sim
