#include "api/models/variant_document.hpp"

#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/json/json_input.hpp"
#include "api/json/json_writer.hpp"
#include "api/models/model_parameters.hpp"
#include "api/models/role_word.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/core/say.hpp"

namespace corral::api {

namespace {

using clock = std::chrono::system_clock;

constexpr std::int64_t version = 1;

chat::role read_role(const std::string& word, decode_problem& problem) {
    for (const chat::role each :
         {chat::role::system, chat::role::user, chat::role::assistant, chat::role::tool}) {
        if (word == role_word(each)) {
            return each;
        }
    }
    problem.set(core::say("request.message-form/role"));
    return chat::role::user;
}

void text_member(json_writer& json, std::string_view name, const std::string& text) {
    if (!text.empty()) {
        json.member(name, text);
    }
}

void write_message(json_writer& json, const chat::message& each) {
    json.begin_object().member("role", role_word(each.from)).member("content", each.content);
    text_member(json, "thinking", each.thinking);
    text_member(json, "tool_name", each.tool_name);
    text_member(json, "tool_call_id", each.tool_call_id);
    if (!each.calls.empty()) {
        json.key("tool_calls").begin_array();
        for (const chat::tool_call& call : each.calls) {
            json.begin_object().member("id", call.id).member("name", call.name);
            json.key("arguments").tree(call.arguments).end_object();
        }
        json.end_array();
    }
    json.end_object();
}

void write_content(json_writer& json, const generation::model_variant& content) {
    text_member(json, "system", content.system);
    text_member(json, "template", content.prompt_template);
    json.key("parameters").tree(content.parameters);
    json.key("messages").begin_array();
    for (const chat::message& each : content.messages) {
        write_message(json, each);
    }
    json.end_array();
    text_member(json, "license", content.license);
}

// Every object in the array `key`.
template <typename Read>
void read_each(const json_fields& fields, std::string_view key, Read read) {
    const auto* all = fields.array(key, "array");
    if (all == nullptr) {
        return;
    }
    for (const auto& each : *all) {
        if (!each.is_object()) {
            fields.wrong_type(key, each, "object");
            return;
        }
        read(fields.inside(key, each));
    }
}

chat::message read_message(const json_fields& fields) {
    chat::message out;
    out.from = read_role(fields.text("role").value_or(""), fields.problem());
    out.content = fields.text("content").value_or("");
    out.thinking = fields.text("thinking").value_or("");
    out.tool_name = fields.text("tool_name").value_or("");
    out.tool_call_id = fields.text("tool_call_id").value_or("");
    read_each(fields, "tool_calls", [&out](const json_fields& call) {
        chat::tool_call read;
        read.id = call.text("id").value_or("");
        read.name = call.text("name").value_or("");
        const auto* arguments = call.object("arguments", "object");
        read.arguments = arguments == nullptr ? nlohmann::ordered_json::object() : *arguments;
        out.calls.push_back(std::move(read));
    });
    return out;
}

generation::model_variant read_content(const json_fields& fields) {
    generation::model_variant out;
    out.system = fields.text("system").value_or("");
    out.prompt_template = fields.text("template").value_or("");
    out.license = fields.text("license").value_or("");
    if (const auto* parameters = fields.object("parameters", "object")) {
        out.parameters = *parameters;
    }
    read_parameters(out.parameters, out.sampling, out.limits, fields.problem());
    read_each(fields, "messages",
              [&out](const json_fields& each) { out.messages.push_back(read_message(each)); });
    return out;
}

// Collects the plain members before the first that is not plain, or not whole.
struct head_reader : nlohmann::json_sax<nlohmann::json> {
    std::string name;
    std::string from;
    std::string client;
    std::int64_t modified = 0;
    bool is_variant = false;

    bool start_object(std::size_t) override { return !std::exchange(inside_, true); }
    bool key(std::string& name_of_member) override {
        key_ = name_of_member;
        return true;
    }
    bool string(std::string& value) override {
        std::string* const wanted = key_ == "name"     ? &name
                                    : key_ == "from"   ? &from
                                    : key_ == "client" ? &client
                                                       : nullptr;
        if (wanted != nullptr) {
            *wanted = value;
        }
        return inside_;
    }
    bool number_integer(std::int64_t value) override {
        is_variant = is_variant || (key_ == "corral_variant" && value == version);
        modified = key_ == "modified" ? value : modified;
        return inside_;
    }
    bool number_unsigned(std::uint64_t value) override {
        constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        return value <= most && number_integer(static_cast<std::int64_t>(value));
    }
    bool null() override { return inside_; }
    bool boolean(bool) override { return inside_; }
    bool number_float(double, const std::string&) override { return inside_; }
    bool binary(nlohmann::json::binary_t&) override { return false; }
    bool start_array(std::size_t) override { return false; }
    bool end_object() override { return false; }
    bool end_array() override { return false; }
    bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
        return false;
    }

private:
    std::string key_;
    bool inside_ = false;
};

void write_head(json_writer& json, const variant_head& head) {
    const auto since = std::chrono::duration_cast<core::nanoseconds>(head.modified.time_since_epoch());
    json.begin_object().count("corral_variant", version);
    text_member(json, "client", head.client);
    json.member("name", head.name).member("from", head.from).count("modified", since.count());
}

std::string checked_name(const json_fields& fields, std::string_view key) {
    const auto name = catalog::display_name(fields.text(key).value_or(""));
    if (!name) {
        fields.problem().set("its \"" + std::string(key) + "\" is no model name");
    }
    return name.value_or("");
}

}  // namespace

std::string to_text(const variant_head& head, const generation::model_variant& content) {
    json_writer json;
    write_head(json, head);
    write_content(json, content);
    json.end_object();
    return json.take() + "\n";
}

std::string to_text(const generation::model_variant& content) {
    json_writer json;
    json.begin_object();
    write_content(json, content);
    json.end_object();
    return json.take();
}

core::result<variant_document> read_variant_document(std::string_view text) {
    auto tree = read_json(text);
    if (!tree) {
        const bool empty = tree.error().code == core::errc::not_found;
        return empty ? core::make_failure(core::errc::invalid, core::say("daemon.variant-left-out/empty"))
                     : tree.error();
    }
    decode_problem problem;
    variant_document out;
    if (!tree->is_object()) {
        problem.set("it is not a JSON object");
    } else {
        const json_fields fields(*tree, "variant", problem);
        const auto written = fields.integer("corral_variant");
        if (written > version) {
            return core::make_failure(core::errc::refused,
                                      core::say("daemon.variant-left-out/newer-version"));
        }
        if (written != version) {
            problem.set("it is not a variant of version " + std::to_string(version));
        }
        out.client = fields.text("client").value_or("");
        out.name = checked_name(fields, "name");
        out.from = checked_name(fields, "from");
        const core::nanoseconds since{fields.integer("modified").value_or(0)};
        out.modified = clock::time_point(std::chrono::duration_cast<clock::duration>(since));
        out.content = read_content(fields);
    }
    if (problem.found()) {
        return core::make_failure(core::errc::invalid, core::reason::unlisted(problem.message));
    }
    return out;
}

std::optional<variant_head> read_variant_head(std::string_view text) {
    head_reader found;
    static_cast<void>(nlohmann::json::sax_parse(text.begin(), text.end(), &found));  // it ends anywhere
    const auto name = catalog::display_name(found.name);
    const auto from = catalog::display_name(found.from);
    if (!found.is_variant || !name || !from) {
        return std::nullopt;
    }
    const auto modified = std::chrono::duration_cast<clock::duration>(core::nanoseconds(found.modified));
    return variant_head{*name, *from, found.client, clock::time_point(modified)};
}

std::string variant_content_text(std::string_view document) {
    constexpr std::size_t longest_head = 4096;
    const auto head = read_variant_head(document.substr(0, longest_head));
    if (!head) {
        return {};
    }
    json_writer json;
    write_head(json, *head);
    json.end_object();
    std::string written = json.take();
    written.back() = ',';
    if (!document.starts_with(written) || !document.ends_with("}\n")) {
        return {};
    }
    document.remove_prefix(written.size());
    document.remove_suffix(1);
    return "{" + std::string(document);
}

}  // namespace corral::api
