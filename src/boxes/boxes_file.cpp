#include "corral/boxes/boxes_file.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include <boost/asio/ip/address.hpp>

#include "corral/catalog/model_name.hpp"
#include "corral/catalog/toml_section.hpp"
#include "corral/config/configuration_pull.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::boxes {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_name = 64;

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, [](char c) {
        return core::is_letter(c) || core::is_digit(c) || c == '_' || c == '.' || c == '-';
    });
}

bool is_variable(std::string_view text) {
    return !text.empty() && text.size() <= longest_name && !core::is_digit(text.front()) &&
           std::ranges::all_of(text,
                               [](char c) { return core::is_letter(c) || core::is_digit(c) || c == '_'; });
}

// A name for HAProxy; empty stays empty.
void read_name(catalog::section& table, std::string_view key, std::string& to, bool required = false) {
    table.text(key, to, required);
    if (!to.empty() && !is_name(to)) {
        table.complain(table.place(key), core::say("configuration.wrong-type/letters", key, to));
        to.clear();
    }
}

// Absolute, so that the reader's folder does not matter. HAProxy's own quotes end at a quote or a line's end.
void read_path(catalog::section& table, std::string_view key, fs::path& to, const fs::path& base) {
    std::string text;
    table.text(key, text);
    if (text.empty()) {
        to = table.has(key) ? fs::path() : to;
        return;
    }
    const bool plain = std::ranges::none_of(
        text, [](char c) { return c == '\'' || static_cast<unsigned char>(c) < ' ' || c == 127; });
    if (!plain) {
        table.complain(table.place(key), core::say("fleet.boxes-file/hold", key));
        return;
    }
    to = (base / text).lexically_normal();
}

void read_listen(catalog::section& table, std::string_view key, std::string& to) {
    std::string text;
    table.text(key, text);
    if (text.empty()) {
        return;
    }
    const auto parsed = core::parse_server_url("http://" + text);
    const auto* const found = std::get_if<core::server_url>(&parsed);
    boost::system::error_code no_address;
    if (found != nullptr && found->host != "localhost") {
        boost::asio::ip::make_address(found->host, no_address);
    }
    if (found == nullptr || !found->port || no_address) {
        table.complain(table.place(key), core::say("configuration.wrong-type/address", key, text));
        return;
    }
    to = (found->host == "localhost" ? std::string("127.0.0.1") : found->host_text()) + ":" +
         std::to_string(*found->port);
}

// A name as a DNS server is asked for it.
bool is_record_name(std::string_view text) {
    constexpr std::size_t longest = 253;
    constexpr std::size_t longest_label = 63;
    if (text.ends_with('.')) {
        text.remove_suffix(1);
    }
    return !text.empty() && text.size() <= longest &&
           std::ranges::all_of(core::split(text, '.'), [](const auto& label) {
               return !label.empty() && label.size() <= longest_label &&
                      std::ranges::all_of(label, [](char c) {
                          return core::is_letter(c) || core::is_digit(c) || c == '_' || c == '-';
                      });
           });
}

// `many`: DNS may name several boxes, by SRV records too.
void read_address(catalog::section& table, core::server_url& to, bool many) {
    std::string text;
    table.text("address", text, true);
    if (text.empty()) {
        return;
    }
    if (many && text.starts_with('_') && is_record_name(text)) {
        to.host = text;
        return;
    }
    const auto parsed = core::parse_server_url("http://" + text);
    const auto* const found = std::get_if<core::server_url>(&parsed);
    if (found == nullptr || !found->port) {
        table.complain(table.place("address"), core::say("configuration.wrong-type/host", text));
        return;
    }
    const bool tls = to.tls;
    to = *found;
    to.tls = tls;
}

void read_models(catalog::section& table, box_entry& to) {
    if (!table.has("models")) {
        return;
    }
    std::vector<std::string> names;
    table.texts("models", names);
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!catalog::display_name(names[i])) {
            table.complain(table.place("models", i), core::say("fleet.boxes-file/name", names[i]));
        }
    }
    to.models = routed_names(names);
}

void read_settings(catalog::section& table, box_entry& to, const fs::path& base) {
    table.flag("tls", to.address.tls);
    table.integer("count", to.count, 1, 1'000);
    std::uint16_t agent = 0;
    table.integer("agent", agent, 1, 65535);
    if (agent != 0) {
        to.agent_port = agent;
    }
    table.integer("weight", to.weight, 1, 256);
    read_name(table, "zone", to.zone);
    table.integer("max_requests", to.max_requests, 1, 10'000);
    read_path(table, "key_file", to.key_file, base);
    read_path(table, "ca_file", to.ca_file, base);
    read_path(table, "client_certificate", to.client_certificate, base);
    for (const char* const key : {"ca_file", "client_certificate"}) {
        if (table.has(key) && !to.address.tls) {
            table.complain(table.place(key), core::say("fleet.boxes-file/needs", key));
        }
    }
}

box_entry read_box(catalog::section& table, const fs::path& base) {
    box_entry to;
    to.line = static_cast<std::uint32_t>(table.place().begin.line);
    read_name(table, "name", to.name, true);
    read_settings(table, to, base);
    read_address(table, to.address, to.count > 0);
    read_models(table, to);
    boost::system::error_code no_literal;
    boost::asio::ip::make_address(to.address.host, no_literal);
    if (to.count > 0 && !no_literal) {
        table.complain(table.place("count"), core::say("fleet.boxes-file/count"));
    }
    if (to.count > 0 && !to.models) {
        table.complain(table.place("count"), core::say("fleet.boxes-file/models"));
    }
    // HAProxy compares names of hosts alone, so any certificate of a public authority would do.
    const bool has_host = no_literal && to.address.port;
    if (to.address.tls && !has_host && to.ca_file.empty()) {
        table.complain(table.place("tls"), core::say("fleet.boxes-file/tls"));
    }
    table.finish();
    return to;
}

void read_times(catalog::section& table, edge_settings& to) {
    using std::chrono_literals::operator""ms;
    using std::chrono_literals::operator""s;
    using std::chrono_literals::operator""h;
    table.duration("connect_time", to.connect_time, 100ms, 60s);
    table.duration("queue_time", to.queue_time, 1s, 1h);
    table.duration("silence", to.silence, 20s, 1h);
    table.duration("answer_time", to.answer_time, 20s, 24h);
}

void read_buffer(catalog::section& table, std::uint64_t& to) {
    constexpr std::uint64_t least = 16 * 1024;
    constexpr std::uint64_t most = 32 * 1024 * 1024;  // above the largest body that Corral takes
    std::string text;
    table.text_or_number("buffer", text);
    if (text.empty()) {
        return;
    }
    const auto bytes = config::parse_bytes(text);
    if (!bytes || *bytes < least || *bytes > most) {
        table.complain(table.place("buffer"), core::say("configuration.wrong-type/buffer", text));
    } else {
        to = *bytes;
    }
}

void read_edge(catalog::section table, edge_settings& to, const fs::path& base) {
    read_listen(table, "listen", to.listen);
    read_path(table, "certificate", to.certificate, base);
    read_name(table, "user", to.user);
    read_name(table, "group", to.group);
    read_path(table, "chroot", to.chroot, base);
    read_path(table, "socket", to.socket, base);
    read_path(table, "log", to.log, base);
    read_listen(table, "resolver", to.resolver);
    read_path(table, "keys", to.keys, base);
    table.text("key_variable", to.key_variable);
    if (!to.key_variable.empty() && !is_variable(to.key_variable)) {
        table.complain(table.place("key_variable"), core::say("fleet.boxes-file/key"));
    } else if (!to.key_variable.empty() && to.keys.empty()) {
        table.complain(table.place("key_variable"), core::say("fleet.boxes-file/variable"));
    }
    read_name(table, "zone", to.zone);
    read_listen(table, "statistics", to.statistics);
    table.flag("proxy_protocol", to.proxy_protocol);
    table.integer("max_clients", to.max_clients, 1, 1'000'000);
    table.integer("queue", to.queue, 1, 100'000);
    table.flag("affinity", to.affinity);
    table.integer("affinity_limit", to.affinity_limit, 100, 10'000);
    read_buffer(table, to.buffer);
    read_times(table, to);
    table.finish();
}

void complain_of_twins(std::vector<catalog::section>& tables, const std::vector<box_entry>& boxes) {
    std::map<std::string, std::uint32_t> names;
    std::map<std::string, std::uint32_t> addresses;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        const box_entry& one = boxes[i];
        const auto twin = [&](std::map<std::string, std::uint32_t>& known, const char* key,
                              std::string what) {
            const auto [at, fresh] = known.emplace(std::move(what), one.line);
            if (!fresh) {
                tables[i].complain(tables[i].place(key),
                                   core::say("fleet.boxes-file/box", at->first, key, at->second));
            }
        };
        if (!one.name.empty() && one.count == 0) {
            twin(names, "name", core::lower_case(one.name));
        }
        for (unsigned n = 1; n <= one.count; ++n) {  // as HAProxy names them
            twin(names, "name", core::lower_case(one.name) + std::to_string(n));
        }
        if (one.address.port) {
            twin(addresses, "address",
                 core::lower_case(one.address.host_text()) + ":" + std::to_string(*one.address.port));
        }
    }
}

}  // namespace

bool is_reserve(const box_entry& box, const edge_settings& edge) {
    return !edge.zone.empty() && box.zone != edge.zone;
}

std::vector<std::string> routed_names(const std::vector<std::string>& models) {
    std::vector<std::string> out;
    for (const std::string& typed : models) {
        if (const auto name = catalog::display_name(typed)) {
            out.push_back(core::lower_case(*name));
        }
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

boxes_reading parse_boxes(std::string_view text, const std::string& file, const fs::path& base) {
    catalog::issue_list issues(file);
    boxes_file out;
    if (const auto tree = catalog::parse_toml_text(text, issues)) {
        catalog::section root(*tree, file, issues);
        if (auto edge = root.table("edge")) {
            read_edge(*std::move(edge), out.edge, base);
        }
        auto tables = root.tables("box");
        root.finish();
        if (tables.size() > most_boxes) {
            root.complain(root.place("box"), core::say("fleet.boxes-file/there", most_boxes));
            tables.erase(tables.begin() + most_boxes, tables.end());
        }
        for (catalog::section& table : tables) {
            out.boxes.push_back(read_box(table, base));
        }
        complain_of_twins(tables, out.boxes);
        if (tables.empty() && issues.empty()) {
            root.complain(root.place(), core::say("fleet.boxes-file/write"));
        }
    }
    boxes_reading result;
    result.errors = issues.take();
    if (result.errors.empty()) {
        result.value = std::move(out);
    }
    return result;
}

boxes_reading read_boxes_file(const fs::path& file) {
    catalog::issue_list issues(file.string());
    const auto text = catalog::read_toml_text(file, issues);
    std::error_code error;
    const fs::path full = fs::absolute(file, error);
    if (!text || error) {
        boxes_reading result;
        result.errors = issues.take();
        if (result.errors.empty()) {
            result.errors.push_back({file.string(), 0, 0, core::say("configuration.no-file/name", error)});
        }
        return result;
    }
    return parse_boxes(*text, file.string(), full.parent_path());
}

}  // namespace corral::boxes
