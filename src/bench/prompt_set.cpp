#include "corral/bench/prompt_set.hpp"

#include <set>

#include <nlohmann/json.hpp>

#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "corral/core/toml.hpp"

namespace corral::bench {

namespace {

constexpr std::size_t longest_file = 1024 * 1024;
constexpr std::size_t most_tests = 1000;
constexpr std::int64_t most_tokens = 1'000'000;

// The first thing that is wrong ends it.
class set_reader {
public:
    explicit set_reader(std::string file) : file_(std::move(file)) {}

    bool fail(const toml::node& at, const std::string& what) {
        if (problem_.empty()) {
            problem_ = file_ + ":" + std::to_string(at.source().begin.line) + ": " + what;
        }
        return false;
    }
    [[nodiscard]] const std::string& problem() const { return problem_; }

    bool text(const toml::table& table, const char* key, std::string& to, bool needed) {
        const toml::node* node = table.get(key);
        if (node == nullptr) {
            return !needed || fail(table, std::string("'") + key + "' is missing");
        }
        const auto value = node->value_exact<std::string>();
        if (!value || value->empty()) {
            return fail(*node, std::string("'") + key + "' must be text that is not empty");
        }
        to = *value;
        return true;
    }

    bool known_keys(const toml::table& table, const std::set<std::string_view>& known) {
        for (const auto& [key, node] : table) {
            if (!known.contains(key.str())) {
                return fail(node, "'" + std::string(key.str()) + "' is no key of this table");
            }
        }
        return true;
    }

    bool message(const toml::node& node, prompt_test& test) {
        prompt_message one;
        const toml::table* from = node.as_table();
        if (from == nullptr) {
            return fail(node, "a message must be a table with 'role' and 'content'");
        }
        if (!known_keys(*from, {"role", "content"}) || !text(*from, "role", one.role, true) ||
            !text(*from, "content", one.content, true)) {
            return false;
        }
        if (one.role != "system" && one.role != "user" && one.role != "assistant") {
            return fail(node, "'role' must be system, user or assistant");
        }
        test.messages.push_back(std::move(one));
        return true;
    }

    bool messages(const toml::table& table, prompt_test& test) {
        std::string prompt;
        if (!text(table, "prompt", prompt, table.get("messages") == nullptr)) {
            return false;
        }
        if (const toml::node* all = table.get("messages")) {
            if (!prompt.empty() || all->as_array() == nullptr || all->as_array()->empty()) {
                return fail(*all,
                            "'messages' must be an array that is not empty, and stands in place of 'prompt'");
            }
            for (const toml::node& one : *all->as_array()) {
                if (!message(one, test)) {
                    return false;
                }
            }
            return test.messages.back().role == "user" || fail(*all, "the last message must be the user's");
        }
        std::string filler;
        std::int64_t times = 1;
        if (!text(table, "filler", filler, false) || !number(table, "filler_times", times, 5000)) {
            return false;
        }
        if (static_cast<std::size_t>(times) * filler.size() > longest_file) {
            return fail(table, "'filler' so many times is more than 1 MiB");
        }
        std::string whole;
        for (std::int64_t i = 0; i < times && !filler.empty(); ++i) {
            whole += filler;
        }
        test.messages.push_back({"user", whole + prompt});
        return true;
    }

    bool number(const toml::table& table, const char* key, std::int64_t& to, std::int64_t most) {
        const toml::node* node = table.get(key);
        if (node == nullptr) {
            return true;
        }
        const auto value = node->value_exact<std::int64_t>();
        if (!value || *value < 1 || *value > most) {
            return fail(*node, std::string("'") + key + "' must be from 1 to " + std::to_string(most));
        }
        to = *value;
        return true;
    }

    bool stops(const toml::table& table, prompt_test& test) {
        const toml::node* node = table.get("stop");
        if (node == nullptr) {
            return true;
        }
        const toml::array* all = node->as_array();
        if (all == nullptr || all->size() > 16) {
            return fail(*node, "'stop' must be an array of at most 16 strings");
        }
        for (const toml::node& one : *all) {
            const auto value = one.value_exact<std::string>();
            if (!value || value->empty()) {
                return fail(one, "'stop' must be an array of strings that are not empty");
            }
            test.stop.push_back(*value);
        }
        return true;
    }

    bool json_text(const toml::table& table, const char* key, const std::string& value, bool array) {
        if (value.empty() || value == "json") {
            return true;
        }
        const auto read = core::parse_json(value);
        if (array ? !read.is_array() : !read.is_object()) {
            return fail(*table.get(key), std::string("'") + key + "' must hold a JSON " +
                                             (array ? "array" : "object, or be \"json\""));
        }
        return true;
    }

    bool test(const toml::node& node, prompt_test& test) {
        const toml::table* from = node.as_table();
        if (from == nullptr) {
            return fail(node, "a test must be a table");
        }
        std::int64_t most = test.max_tokens;
        if (!known_keys(*from, {"id", "title", "prompt", "messages", "filler", "filler_times", "stop",
                                "tools", "format", "answer", "think", "max_tokens"}) ||
            !text(*from, "id", test.id, true) || !text(*from, "title", test.title, true) ||
            !messages(*from, test) || !number(*from, "max_tokens", most, most_tokens) ||
            !stops(*from, test) || !text(*from, "tools", test.tools, false) ||
            !text(*from, "format", test.format, false) || !text(*from, "answer", test.answer, false) ||
            !json_text(*from, "tools", test.tools, true) || !json_text(*from, "format", test.format, false) ||
            !json_text(*from, "answer", test.answer, false)) {
            return false;
        }
        test.max_tokens = static_cast<unsigned>(most);
        if (const toml::node* think = from->get("think")) {
            test.think = think->value_exact<bool>();
            return test.think || fail(*think, "'think' must be true or false");
        }
        return test.id.find_first_of("\r\n`") == std::string::npos ||
               fail(node, "'id' must be one plain word");
    }

private:
    std::string file_;
    std::string problem_;
};

core::failure bad_set(const std::string& why) {
    return core::make_failure(core::errc::invalid, core::say("command.bench-plan/set", why));
}

}  // namespace

core::result<prompt_set> parse_prompt_set(std::string_view text, const std::string& name) {
    if (text.size() > longest_file) {
        return core::make_failure(core::errc::limit_exceeded,
                                  core::say("command.bench-plan/file-longer", name));
    }
    const auto parsed = core::parse_toml(text, name);
    if (const auto* wrong = std::get_if<core::toml_error>(&parsed)) {
        return bad_set(name + ":" + std::to_string(wrong->line) + ": " + wrong->message);
    }
    const auto& root = std::get<toml::table>(parsed);
    set_reader reader(name);
    prompt_set out;
    const toml::node* tests = root.get("tests");
    const toml::array* all = tests == nullptr ? nullptr : tests->as_array();
    if (all == nullptr || all->empty() || all->size() > most_tests) {
        return bad_set(name + ": it must have from 1 to 1000 tables [[tests]]");
    }
    if (!reader.known_keys(root, {"name", "tests"}) || !reader.text(root, "name", out.name, true)) {
        return bad_set(reader.problem());
    }
    std::set<std::string> ids;
    for (const toml::node& one : *all) {
        prompt_test test;
        if (!reader.test(one, test)) {
            return bad_set(reader.problem());
        }
        if (!ids.insert(test.id).second) {
            reader.fail(one, "the id '" + test.id + "' is there twice");
            return bad_set(reader.problem());
        }
        out.tests.push_back(std::move(test));
    }
    return out;
}

}  // namespace corral::bench
