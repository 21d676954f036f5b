#include "corral/config/configuration.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <unistd.h>

#include "configuration_parts.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/config/configuration_access.hpp"
#include "corral/config/configuration_manifests.hpp"
#include "corral/config/configuration_model.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/config/door_policy.hpp"
#include "corral/config/server_places.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/http/ip_network.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;
using boost::asio::ip::tcp;
using core::milliseconds;
using core::seconds;
using std::chrono::hours;

// docs/facts/ollama_wire.md#environment: values are trimmed of spaces and surrounding quotes.
std::string environment_value(const configuration_source& source, const std::string& name) {
    const auto found = source.environment.find(name);
    if (found == source.environment.end()) {
        return {};
    }
    return std::string(core::trimmed(found->second, " \t\r\n\"'"));
}

void note(configuration_result& out, const std::string& variable, core::reason message) {
    out.warnings.push_back({variable, 0, 0, std::move(message)});
}

void apply_environment(const configuration_source& source, configuration& to, configuration_result& out) {
    if (const auto text = environment_value(source, "OLLAMA_MAX_QUEUE"); !text.empty()) {
        const auto value = core::whole_number<std::uint32_t>(text);
        if (value && *value >= 1 && *value <= 65536) {
            to.max_queue = *value;
        } else {
            note(out, "OLLAMA_MAX_QUEUE", core::say("configuration.environment/number", text, 1, 65536));
        }
    }
    if (const auto text = environment_value(source, "OLLAMA_MAX_LOADED_MODELS"); !text.empty()) {
        const auto value = core::whole_number<unsigned>(text);
        if (value && *value <= 1024) {
            to.max_loaded_models = *value;
        } else {
            note(out, "OLLAMA_MAX_LOADED_MODELS",
                 core::say("configuration.environment/number", text, 0, 1024));
        }
    }
    if (const auto text = environment_value(source, "OLLAMA_DEBUG"); !text.empty()) {
        const bool off = text == "0" || text == "f" || text == "F" || text == "false" || text == "False" ||
                         text == "FALSE";
        to.log_level = off ? telemetry::log_level::info : telemetry::log_level::debug;
    }
    if (const auto text = environment_value(source, "OLLAMA_KEEP_ALIVE"); !text.empty()) {
        if (const auto span = parse_keep_alive(text)) {
            to.keep_alive = *span;
        } else {
            note(out, "OLLAMA_KEEP_ALIVE", core::say("configuration.environment/duration", text));
        }
    }
}

// Command line, else file, else OLLAMA_HOST, else Ollama's own default.
void read_listen(catalog::section& root, const configuration_source& source, configuration& to,
                 configuration_result& out) {
    std::string text;
    const bool taken = root.text("listen", text);
    root.flag("allow_unauthenticated", to.allow_unauthenticated);
    core::result<tcp::endpoint> where = tcp::endpoint(boost::asio::ip::address_v4::loopback(), 11434);
    std::string origin = "OLLAMA_HOST";
    if (source.listen) {
        origin = "--listen";
        where = parse_listen(*source.listen);
    } else if (root.has("listen")) {
        if (!taken) {
            return;  // what is wrong with it is said
        }
        origin.clear();
        where = parse_listen(text);
    } else if (const auto host = environment_value(source, "OLLAMA_HOST"); !host.empty()) {
        where = parse_ollama_host(host);
    }
    core::reason problem;
    if (!where) {
        problem = where.error().message;
    } else {
        // Written as IPv6 an address of loopback would be none to the guard of names (api/door).
        where->address(http::plain_address(where->address()));
        const tcp::endpoint before = std::exchange(to.listen, *where);
        const auto judged = judge_door({*where, false}, door_rules_of(to));
        if (judged) {
            return;
        }
        to.listen = before;
        problem = judged.error().message;
    }
    if (origin.empty()) {
        root.complain(root.place("listen"), std::move(problem));
    } else {
        out.errors.push_back({origin, 0, 0, std::move(problem)});
    }
}

void read_log(catalog::section& root, configuration& to) {
    const std::vector<std::pair<std::string, telemetry::log_level>> levels{
        {"debug", telemetry::log_level::debug},
        {"info", telemetry::log_level::info},
        {"warn", telemetry::log_level::warn},
        {"error", telemetry::log_level::error}};
    const auto usual =
        std::ranges::find(levels, to.log_level, &std::pair<std::string, telemetry::log_level>::second);
    std::string chosen = usual == levels.end() ? std::string() : usual->first;
    root.choice("log_level", chosen, {"debug", "info", "warn", "error"});
    for (const auto& [name, level] : levels) {
        if (name == chosen) {
            to.log_level = level;
        }
    }
    root.flag("log_content", to.log_content);
}

void whole_seconds(catalog::section& table, std::string_view key, seconds& out, seconds least, seconds most) {
    milliseconds span = out;
    table.duration(key, span, least, most);
    if (span % seconds{1} != milliseconds{0}) {
        table.complain(table.place(key), core::say("configuration.out-of-range/whole", key));
    }
    out = std::chrono::duration_cast<seconds>(span);
}

void read_http(catalog::section table, http::server_options& to) {
    constexpr std::int64_t kib = 1024;
    constexpr std::int64_t gib = 1024 * 1024 * kib;
    table.integer("max_header_bytes", to.max_header_bytes, kib, 1028 * kib);
    table.integer("max_body_bytes", to.max_body_bytes, kib, gib);
    table.integer("max_buffered_body_bytes", to.max_buffered_body_bytes, kib, 16 * gib);
    table.integer("max_connections", to.max_connections, 1, 65536);
    whole_seconds(table, "header_timeout", to.header_timeout, seconds{1}, hours{1});
    whole_seconds(table, "body_timeout", to.body_timeout, seconds{1}, hours{1});
    whole_seconds(table, "idle_timeout", to.idle_timeout, seconds{1}, hours{24});
    whole_seconds(table, "write_stall", to.write_stall, seconds{1}, hours{1});
    table.finish();
    if (to.max_buffered_body_bytes < to.max_body_bytes) {
        table.complain(table.place("max_buffered_body_bytes"),
                       core::say("configuration.out-of-range/buffered"));
    }
}

void read_lifetimes(catalog::section& root, const configuration_source& source, const fs::path& base,
                    configuration& to, catalog::issue_list& warnings) {
    root.duration("request_deadline", to.request_deadline, seconds{1}, hours{24});
    root.duration("shutdown_grace", to.shutdown_grace, milliseconds{0}, hours{1});
    root.duration("upgrade_limit", to.upgrade_limit, seconds{1}, hours{24});
    root.duration("silence", to.silence, milliseconds{0}, hours{1});
    root.duration("first_byte", to.first_byte, milliseconds{0}, hours{1});
    std::string shown = to.shows_stream_errors ? "visible" : "line";
    root.choice("stream_errors", shown, {"visible", "line"});
    to.shows_stream_errors = shown == "visible";
    const bool forever = to.keep_alive.count() < 0;
    std::string text =
        forever ? "forever" : catalog::duration_text(std::chrono::duration_cast<milliseconds>(to.keep_alive));
    root.text_or_number("keep_alive", text);
    if (const auto span = parse_keep_alive(text)) {
        to.keep_alive = root.has("keep_alive") ? *span : to.keep_alive;
    } else if (!text.empty()) {
        root.complain(root.place("keep_alive"), core::say("configuration.not-a-duration/time", text));
    }
    std::string folder;
    root.text("state_directory", folder);
    warn_of_tilde(root, "state_directory", folder, warnings);
    to.state_directory =
        folder.empty() ? usual_state_directory(source.environment) : (base / folder).lexically_normal();
    if (to.state_directory.empty()) {
        warnings.add(root.place("state_directory"), core::say("configuration.means-nothing/folder"));
    }
}

std::string host_name() {
    std::array<char, 256> name{};
    const bool known = ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0';
    return known ? std::string(name.data()) : std::string("box");
}

void read_batch(catalog::section& root, configuration& to) {
    if (auto from = root.table("batch")) {
        from->texts("keys", to.batch_keys);
        from->flag("recognise", to.recognises_batch);
        from->finish();
    }
}

void read_box(catalog::section& root, configuration& to) {
    constexpr std::size_t longest = 64;
    to.box_name = host_name();
    auto from = root.table("box");
    if (!from) {
        return;
    }
    from->text("name", to.box_name);
    from->finish();
    if (to.box_name.empty() || to.box_name.size() > longest ||
        telemetry::printable(to.box_name, 4 * longest) != to.box_name) {
        from->complain(from->place("name"), core::say("configuration.wrong-type/name"));
        to.box_name = host_name();
    }
}

void read_black_box(catalog::section& root, configuration& to) {
    if (auto from = root.table("black_box")) {
        from->integer("keep", to.black_box.keep, 0, 1000);
        from->integer("size_mb", to.black_box.size_mb, 1, 4096);
        from->finish();
    }
}

void read_report(catalog::section& root, const std::filesystem::path& base, report_settings& to) {
    auto from = root.table("report");
    if (!from) {
        return;
    }
    std::string text;
    from->text("to", text);
    to.to = hub_endpoint(text);
    constexpr std::string_view plain = "http://";
    const std::string_view rest = std::string_view(to.to).substr(to.to.starts_with(plain) ? plain.size() : 0);
    const bool open = to.to.starts_with(plain) && rest.substr(0, rest.find_first_of(":/")) != "127.0.0.1";
    if (!text.empty() && (to.to.empty() || open)) {
        from->complain(from->place("to"), core::say("configuration.report-address/plain", text));
    }
    std::string key;
    from->text("key_file", key);
    if (!key.empty()) {
        to.key_file = (base / key).lexically_normal();
    }
    from->finish();
}

void read_fleet(catalog::section& root, configuration& to) {
    auto from = root.table("fleet");
    if (!from) {
        return;
    }
    std::string text;
    from->text("agent", text);
    if (from->has("agent")) {
        if (auto where = parse_listen(text); !where) {
            from->complain(from->place("agent"), where.error().message);
        } else if (where->port() == to.listen.port() && where->port() != 0) {
            from->complain(from->place("agent"), core::say("configuration.port-twice/agent"));
        } else {
            to.agent = *where;
        }
    }
    std::vector<std::string> proxies;
    from->texts("proxy_protocol_from", proxies);
    for (const std::string& one : proxies) {
        if (auto range = http::ip_network::parse(one)) {
            to.http.proxies.push_back(*range);
        } else {
            from->complain(from->place("proxy_protocol_from"), range.error().message);
        }
    }
    from->finish();
}

void read_import(catalog::section& root, configuration& to) {
    if (auto from = root.table("import")) {
        from->flag("require_signature", to.import_requires_signature);
        from->finish();
    }
}

// Folders of the file first, then those beside it, beside the program, and of the system.
std::vector<fs::path> profile_folders(catalog::section& root, const fs::path& base,
                                      catalog::issue_list& warnings) {
    std::vector<std::string> named;
    root.texts("profiles", named);
    std::vector<fs::path> out;
    for (std::size_t i = 0; i < named.size(); ++i) {
        out.push_back((base / named[i]).lexically_normal());
        warn_of_absent(root.place("profiles", i), "profiles", out.back(), warnings);
    }
    const auto usual = usual_profile_folders(base);
    out.insert(out.end(), usual.begin(), usual.end());
    return out;
}

std::optional<std::string> read_text(const configuration_source& source, catalog::issue_list& errors) {
    if (source.text) {
        return source.text;
    }
    std::error_code unreadable;  // then it is there, and the reader says why it can't be read
    if (source.file_may_be_missing && !fs::exists(source.file, unreadable) && !unreadable) {
        return std::string();
    }
    return catalog::read_toml_text(source.file, errors);
}

// By its name or an alias, as Ollama compares names.
bool matches_name(const catalog::model_entry& model, std::string_view typed) {
    const auto same = [&](const std::string& name) { return catalog::same_model(name, typed); };
    return same(model.name) || std::any_of(model.aliases.begin(), model.aliases.end(), same);
}

void append(std::vector<catalog::diagnostic>& to, std::vector<catalog::diagnostic> more) {
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// What is wrong with this one leaves the list of errors and comes back.
std::vector<catalog::diagnostic> take_problems(const catalog::model_entry& of, catalog::section& table,
                                               configuration_reading& context) {
    std::vector<catalog::diagnostic> out = context.errors.take();
    append(out, std::exchange(context.profile_errors, {}));
    if (out.empty() && of.runtime.name.empty()) {
        context.errors.add(table.place("profile"), core::say("configuration.profile-mistake", "model"));
        out = context.errors.take();
    }
    return out;
}

// `errors` takes those that were found before.
void read_models(catalog::section& root, configuration& to, configuration_reading& context,
                 const fs::path& file, std::vector<catalog::diagnostic>& errors) {
    std::vector<catalog::section> all = root.tables("models");
    for (auto& one : all) {
        if (context.from.leaves_out_models) {
            append(errors, context.errors.take());
        }
        auto model = read_model(one, context);
        model.source = file;
        check_beside(one, model, to);
        if (context.from.leaves_out_models) {
            if (auto problems = take_problems(model, one, context); !problems.empty()) {
                to.left_out.push_back({file, model.name, std::move(problems)});
                continue;
            }
        }
        to.models.push_back(std::move(model));
    }
}

}  // namespace

configuration_result load_configuration(const configuration_source& source) {
    configuration_result out;
    configuration value;
    catalog::issue_list errors(source.file.string(), source.defaults);
    catalog::issue_list warnings(source.file.string());
    const auto said = read_text(source, errors);
    const auto tree = said ? catalog::parse_toml_text(*said, errors) : std::nullopt;
    out.text = said.value_or(std::string());
    if (!tree) {
        out.errors = errors.take();
        return out;
    }
    std::error_code error;
    const auto full = fs::absolute(source.file, error);
    const auto file = (error ? source.file : full).lexically_normal();
    const auto base = file.parent_path();

    apply_environment(source, value, out);
    value.blank = tree->empty();
    catalog::section root(*tree, "the configuration", errors);
    std::vector<catalog::diagnostic> key_errors;
    read_access(root, value, base, warnings, source.waits_for_credentials ? value.awaited : key_errors,
                source);
    read_listen(root, source, value, out);
    for (core::reason& text : door_warnings({value.listen, false}, door_rules_of(value))) {
        warnings.add(root.place("listen"), std::move(text));
    }
    read_box(root, value);
    read_log(root, value);
    root.integer("max_queue", value.max_queue, 1, 65536);
    root.duration("conversation_hold", value.conversation_hold, core::milliseconds{0}, core::seconds{2});
    read_batch(root, value);
    read_lifetimes(root, source, base, value, warnings);
    read_admin_socket(root, source.environment, base, value);
    constexpr std::size_t as_go = 1024UL * 1024 + 4096;  // what is long of them is paid for like a body
    value.http.max_header_bytes = as_go;
    if (auto limits = root.table("http")) {
        read_http(*limits, value.http);
    }
    read_black_box(root, value);
    read_report(root, base, value.report);
    read_fleet(root, value);
    read_pull(root, source.environment, base, warnings, value.pull);
    read_import(root, value);
    read_server_cards(root, value);
    configuration_reading with{source, base, profile_folders(root, base, warnings), errors, warnings, {},
                               {},     {}};
    with.files_folder = rendered_folder(value.state_directory);
    read_models_directory(root, base, value, warnings);
    read_models(root, value, with, file, out.errors);
    root.finish();
    read_manifests(value, with);

    append(out.errors, errors.take());
    append(out.errors, std::move(key_errors));
    append(out.errors, std::move(with.profile_errors));
    append(out.warnings, warnings.take());
    append(out.warnings, std::move(with.manifest_warnings));
    if (out.errors.empty()) {
        out.value = std::move(value);
    } else {
        out.draft = std::move(value);
    }
    return out;
}

const catalog::model_entry* find_model(const configuration& in, std::string_view typed) {
    const auto found = std::find_if(in.models.begin(), in.models.end(),
                                    [&](const auto& model) { return matches_name(model, typed); });
    return found == in.models.end() ? nullptr : &*found;
}

}  // namespace corral::config
