#include "catalog/profile_parts.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "corral/core/say.hpp"

namespace corral::catalog {

namespace {

template <typename Choice>
using named = std::pair<std::string_view, Choice>;

constexpr std::array conversations{
    named<conversation_form>{"messages", conversation_form::messages},
    named<conversation_form>{"folded-system", conversation_form::folded_system},
    named<conversation_form>{"single-message", conversation_form::single_message},
};
constexpr std::array cancels{
    named<cancel_method>{"disconnect", cancel_method::disconnect},
    named<cancel_method>{"call", cancel_method::call},
    named<cancel_method>{"drain", cancel_method::drain},
    named<cancel_method>{"restart", cancel_method::restart},
};
constexpr std::array chunks{
    named<chunk_unit>{"token", chunk_unit::token},
    named<chunk_unit>{"character", chunk_unit::character},
    named<chunk_unit>{"some", chunk_unit::some},
};
constexpr std::array usages{
    named<usage_trust>{"tokens", usage_trust::tokens},
    named<usage_trust>{"none", usage_trust::none},
};
constexpr std::array finishes{
    named<finish_trust>{"trusted", finish_trust::trusted},
    named<finish_trust>{"untrusted", finish_trust::untrusted},
};
constexpr std::array ends{
    named<end_mark>{"done", end_mark::done},
    named<end_mark>{"finish", end_mark::finish},
    named<end_mark>{"any", end_mark::any},
    named<end_mark>{"body-end", end_mark::body_end},
};
constexpr std::array timings{
    named<timing_source>{"none", timing_source::none},
    named<timing_source>{"llama.cpp", timing_source::llama_cpp},
    named<timing_source>{"mindie", timing_source::mindie},
};
constexpr std::array prefix_caches{
    named<prefix_cache>{"none", prefix_cache::none},
    named<prefix_cache>{"automatic", prefix_cache::automatic},
    named<prefix_cache>{"llama.cpp", prefix_cache::llama_cpp},
    named<prefix_cache>{"vllm", prefix_cache::vllm},
};
constexpr std::array counts{
    named<count_source>{"none", count_source::none},
    named<count_source>{"llama.cpp", count_source::llama_cpp},
    named<count_source>{"vllm", count_source::vllm},
};
constexpr std::array formats{
    named<format_form>{"none", format_form::none},
    named<format_form>{"response-format", format_form::response_format},
    named<format_form>{"llama.cpp", format_form::llama_cpp},
    named<format_form>{"ollama", format_form::ollama},
};
constexpr std::array logprob_forms{
    named<logprob_form>{"none", logprob_form::none},
    named<logprob_form>{"llama.cpp", logprob_form::llama_cpp},
    named<logprob_form>{"vllm", logprob_form::vllm},
};

template <typename Choice, std::size_t Count>
void read_choice(section& table, std::string_view key, Choice& into,
                 const std::array<named<Choice>, Count>& known) {
    std::vector<std::string> names;
    std::string now;
    for (const auto& [name, value] : known) {
        names.emplace_back(name);
        if (value == into) {
            now = name;
        }
    }
    table.choice(key, now, names);
    const auto found = std::ranges::find_if(known, [&](const auto& one) { return one.first == now; });
    if (found != known.end()) {
        into = found->second;
    }
}

void read_target(section& table, std::string_view key, std::string& into) {
    table.text(key, into);
    if (!into.empty() && into.front() != '/') {
        table.complain(table.place(key), core::say("configuration.bad-form/begin", key));
    }
}

void read_busy_statuses(section& table, std::vector<unsigned>& into) {
    std::vector<std::string> typed;
    table.texts_or_numbers("busy_statuses", typed);
    for (std::size_t i = 0; i < typed.size(); ++i) {
        const bool digits =
            typed[i].size() == 3 && typed[i].find_first_not_of("0123456789") == std::string::npos;
        if (digits && typed[i].front() >= '4' && typed[i].front() <= '5') {
            into.push_back(static_cast<unsigned>(std::stoul(typed[i])));
        } else {
            table.complain(table.place("busy_statuses", i),
                           core::say("configuration.out-of-range/status", typed[i]));
        }
    }
}

void read_idle(section& from, idle_probe& into) {
    auto table = from.table("idle");
    if (!table) {
        return;
    }
    read_target(*table, "target", into.target);
    table->text("pointer", into.pointer);
    table->text_or_number("value", into.value);
    table->finish();
    if (into.target.empty()) {
        table->complain(table->place(), core::say("configuration.missing-key/target"));
    }
}

void read_cancel(section& table, runtime_traits& into) {
    read_choice(table, "cancel", into.cancel, cancels);
    read_target(table, "cancel_target", into.cancel_target);
    if (into.cancel == cancel_method::call && into.cancel_target.empty()) {
        table.complain(table.place("cancel"), core::say("configuration.missing-key/cancel"));
    }
}

// Keys from the root, "*" for the elements of an array.
bool names_each_element(const std::string& pointer) {
    return pointer.size() > 1 && pointer.front() == '/' && std::ranges::count(pointer, '*') == 1 &&
           (pointer.ends_with("/*") || pointer.find("/*/") != std::string::npos);
}

void read_embedding(section& from, embedding_trait& into) {
    auto table = from.table("embedding");
    if (!table) {
        return;
    }
    constexpr std::int64_t most_texts = 256;
    read_target(*table, "target", into.target);
    table->text("vectors", into.vectors);
    read_target(*table, "tokens", into.tokens);
    table->text("truncate", into.truncate);
    table->integer("batch", into.batch, 1, most_texts);
    std::map<std::string, std::string> variables;
    table->text_map("variables", variables);
    into.variables.assign(variables.begin(), variables.end());
    table->finish();
    if (into.target.empty()) {
        table->complain(table->place(), core::say("configuration.missing-key/traits"));
    }
    if (!names_each_element(into.vectors)) {
        table->complain(table->place("vectors"), core::say("configuration.bad-form/vectors"));
    }
}

void read_images(section& from, image_trait& into) {
    auto table = from.table("images");
    if (!table) {
        return;
    }
    into.none.clear();
    table->texts("types", into.types);
    table->text_or_number("tokens", into.tokens);
    table->text("none", into.none);
    table->finish();
    if (into.types.empty() == into.none.empty()) {
        table->complain(table->place(), core::say("configuration.missing-key/images"));
    }
}

}  // namespace

void read_traits(section table, runtime_traits& into) {
    constexpr std::int64_t most_tokens = 1'000'000;
    read_target(table, "chat_target", into.chat_target);
    read_target(table, "completion_target", into.completion_target);
    table.text("model_name", into.model_name);
    read_choice(table, "conversation", into.conversation, conversations);
    table.texts("sampling", into.sampling);
    table.text("max_tokens", into.max_tokens);
    table.integer("most_tokens", into.most_tokens, 0, most_tokens);
    table.flag("streams", into.streams);
    table.flag("cumulative", into.cumulative);
    read_choice(table, "chunk", into.chunk, chunks);
    read_choice(table, "usage", into.usage, usages);
    table.flag("asks_for_usage", into.asks_for_usage);
    read_choice(table, "finish", into.finish, finishes);
    read_choice(table, "end", into.end, ends);
    read_choice(table, "timings", into.timings, timings);
    read_choice(table, "counts", into.counts, counts);
    read_choice(table, "prefix_cache", into.prefix_cache, prefix_caches);
    read_choice(table, "formats", into.formats, formats);
    read_choice(table, "logprobs", into.logprobs, logprob_forms);
    table.texts("error_texts", into.error_texts);
    read_busy_statuses(table, into.busy_statuses);
    read_cancel(table, into);
    read_idle(table, into.idle);
    table.text_or_number("capacity", into.capacity);
    table.text_or_number("context", into.context);
    table.flag("context_is_shared", into.context_is_shared);
    table.flag("probe_blocks_while_generating", into.probe_blocks_while_generating);
    table.duration("keep_connections", into.keep_connections, core::milliseconds{0}, core::seconds{60});
    table.text("thinking_switch", into.thinking_switch);
    read_embedding(table, into.embedding);
    read_images(table, into.images);
    std::map<std::string, std::string> extra;
    table.text_map("extra", extra);
    into.extra.assign(extra.begin(), extra.end());
    table.finish();
}

}  // namespace corral::catalog
