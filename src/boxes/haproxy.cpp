#include "corral/boxes/haproxy.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "boxes/edge_rules.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::boxes {

namespace {

// Which boxes, by their place in the file, serve a model.
using routes = std::map<std::string, std::vector<std::size_t>>;

std::string number(std::size_t value) {
    return std::to_string(value);
}

std::string milliseconds(core::milliseconds span) {
    return std::to_string(span.count()) + "ms";
}

// HAProxy's strong quotes. REQUIRES: no quote in it, as read_boxes_file() holds.
std::string quoted(const std::filesystem::path& path) {
    return "'" + path.string() + "'";
}

routes routes_of(const boxes_file& file) {
    routes out;
    for (std::size_t i = 0; i < file.boxes.size(); ++i) {
        for (const std::string& model : *file.boxes[i].models) {
            out[model].push_back(i);
        }
    }
    return out;
}

bool is_literal(const core::server_url& address) {
    return address.host.find(':') != std::string::npos ||
           address.host.find_first_not_of("0123456789.") == std::string::npos;
}

// Servers of HAProxy that stand for it.
std::size_t servers_of(const box_entry& box) {
    return std::max(box.count, 1U);
}

bool names_hosts(const boxes_file& file) {
    return !std::ranges::all_of(file.boxes, [](const box_entry& box) { return is_literal(box.address); });
}

// Agents are asked once a second, those of large fleets less often: about a thousand questions a second in all.
std::string interval(std::size_t questions) {
    constexpr std::size_t most = 1000;
    return number((questions + most - 1) / most) + "s";
}

void write_global(std::string& out, const boxes_file& file) {
    const edge_settings& edge = file.edge;
    constexpr unsigned spare = 100;  // connections to the statistics
    out += "global\n";
    const auto line = [&out](const char* word, const std::string& value, const std::string& more = {}) {
        if (!value.empty()) {
            out += std::string("    ") + word + " " + value + more + "\n";
        }
    };
    line("log", edge.log.empty() ? "" : quoted(edge.log), " local0");
    line("user", edge.user);
    line("group", edge.group);
    line("chroot", edge.chroot.empty() ? "" : quoted(edge.chroot));
    line("stats socket", edge.socket.empty() ? "" : quoted(edge.socket),
         " mode 600" + (edge.user.empty() ? "" : " user " + edge.user) + " level admin expose-fd listeners");
    out +=
        "    # A worker whose answers outlive so many reloads is ended.\n"
        "    mworker-max-reloads 40\n";
    out += "    maxconn " + number(edge.max_clients + spare) + "\n";
    out += "    # A body is buffered up to here, and the model is looked for in it.\n";
    out += "    tune.bufsize " + number(edge.buffer) + "\n";
    if (!edge.certificate.empty()) {
        out += "    ssl-default-bind-options ssl-min-ver TLSv1.2\n";
    }
    out += "\n";
}

void write_defaults(std::string& out, const boxes_file& file) {
    const edge_settings& edge = file.edge;
    out +=
        "defaults\n"
        "    mode http\n"
        "    log global\n"
        "    option httplog\n"
        "    option dontlognull\n"
        "    option http-no-delay\n"
        "    # A request of which its client has seen nothing goes to another box: when a box takes no "
        "connection,\n"
        "    # ends one without an answer, is silent beyond the time of an answer, or says so itself by "
        "status 425.\n"
        "    # Nothing is sent twice after a first byte.\n"
        "    option redispatch 1\n"
        "    retries 3\n"
        "    retry-on conn-failure empty-response response-timeout 425\n";
    out += "    timeout connect " + milliseconds(edge.connect_time) + "\n";
    out += "    timeout client " + milliseconds(edge.silence) + "\n";
    out += "    timeout http-request " + milliseconds(edge.silence) + "\n";
    out += "    timeout http-keep-alive 30s\n";
    out += "    timeout check 3s\n";
    out += "    timeout queue " + milliseconds(edge.queue_time) + "\n";
    out += "    timeout server " + milliseconds(edge.answer_time) + "\n";
    write_failures(out);
    if (names_hosts(file)) {
        out += "\nresolvers dns\n";
        out +=
            edge.resolver.empty() ? "    parse-resolv-conf\n" : "    nameserver one " + edge.resolver + "\n";
        out +=
            "    accepted_payload_size 8192\n"
            "    hold valid 10s\n"
            "    # A DNS server that is silent or refuses takes no box away.\n"
            "    hold nx 60s\n"
            "    hold other 24h\n"
            "    hold refused 24h\n"
            "    hold timeout 24h\n";
    }
    out += "\n";
}

std::string server_line(const box_entry& box, const edge_settings& edge) {
    std::string out = box.count == 0 ? "    server " + box.name + " "
                                     : "    server-template " + box.name + " 1-" + number(box.count) + " ";
    out += box.address.host_text() + (box.address.port ? ":" + number(*box.address.port) : std::string()) +
           " weight " + number(box.weight);
    if (!is_literal(box.address)) {
        out += std::string(" resolvers dns init-addr ") + (box.count == 0 ? "last,libc,none" : "none");
    }
    if (!box.address.port) {
        // Weights of SRV records begin at 0, and leave an agent's percentage nothing to be of.
        out += " resolve-opts allow-dup-ip,ignore-weight";
    }
    if (box.address.tls) {
        out += " ssl verify required ca-file " + (box.ca_file.empty() ? "@system-ca" : quoted(box.ca_file));
        if (box.address.port && !is_literal(box.address)) {
            out += " sni str(" + box.address.host + ") verifyhost " + box.address.host;
        }
        if (!box.client_certificate.empty()) {
            out += " crt " + quoted(box.client_certificate);
        }
    }
    if (edge.proxy_protocol) {
        out += " send-proxy-v2";
    }
    if (is_reserve(box, edge)) {
        out += " backup";
    }
    return out;
}

std::string agent_words(const box_entry& box, const std::string& every, const std::string& asked) {
    return box.agent_port ? " agent-check agent-port " + number(*box.agent_port) + " agent-inter " + every +
                                " agent-send \"" + asked + "\\n\""
                          : std::string();
}

// What each backend for requests does on its way to a box.
void write_passage(std::string& out) {
    out +=
        "    # A stream gives a sign of life every few seconds; other answers come as a whole.\n"
        "    http-request set-timeout server var(txn.silence) if { var(txn.silence) -m found }\n"
        "    http-response set-status 503 if { status 425 }\n";
}

void write_any(std::string& out, const boxes_file& file) {
    out +=
        "# All boxes: their health, and requests for no model, such as lists.\n"
        "backend boxes\n"
        "    balance leastconn\n"
        "    option allbackups\n"
        "    option httpchk\n"
        "    http-check send meth GET uri /readyz\n";
    write_passage(out);
    std::size_t servers = 0;
    for (const box_entry& box : file.boxes) {
        servers += servers_of(box);
    }
    const std::string every = interval(servers);
    out += "    default-server" + check_words(every, servers > 1) + "\n";
    for (const box_entry& box : file.boxes) {
        out += server_line(box, file.edge) + agent_words(box, every, "") + "\n";
    }
    out += "\n";
}

// A request whose model the edge could not read goes to a box that is likely to have it.
void write_unread(std::string& out, const boxes_file& file) {
    std::size_t most = 0;
    for (const box_entry& box : file.boxes) {
        most = std::max(most, box.models->size());
    }
    out +=
        "# Requests whose model can't be read here: it stands behind the buffer, or the body is compressed "
        "or no JSON.\n"
        "# They go to the boxes with the most models. A box that has not theirs makes a 404, which would say "
        "too much.\n"
        "backend unread\n"
        "    balance leastconn\n"
        "    option allbackups\n"
        "    option httpchk\n"
        "    http-check send meth GET uri /readyz\n";
    write_passage(out);
    const auto chosen = [&](const box_entry& box) { return box.models->size() == most; };
    write_full(out, "avg_queue(unread) ge " + number(file.edge.queue));
    write_unread_answers(out);
    for (const box_entry& box : file.boxes) {
        if (chosen(box)) {
            // HAProxy can't let each server of a template track its own one.
            out += server_line(box, file.edge) +
                   (box.count == 0 ? " track boxes/" + box.name : check_words("2s", false)) + " maxconn " +
                   number(box.max_requests) + " maxqueue " + number(file.edge.queue) + "\n";
        }
    }
    out += "\n";
}

void write_model(std::string& out, const boxes_file& file, const std::string& backend,
                 const routes::value_type& route, const std::string& every) {
    const edge_settings& edge = file.edge;
    const auto& [model, on] = route;
    out += "backend " + backend + "\n";
    if (edge.affinity) {
        out += "    # A conversation goes to the box that has its beginning, unless that has " +
               number(edge.affinity_limit) +
               " % of the mean load.\n"
               "    balance hash var(txn.conversation)\n"
               "    hash-type consistent\n"
               "    hash-balance-factor " +
               number(edge.affinity_limit) + "\n";
    } else {
        out += "    balance leastconn\n";
    }
    out +=
        "    option allbackups\n"
        "    option httpchk\n"
        "    http-check send meth GET uri /readyz\n";
    write_passage(out);
    write_full(out, "avg_queue(" + backend + ") ge " + number(edge.queue));
    const bool others = on.size() > 1 || servers_of(file.boxes[on.front()]) > 1;
    if (others) {
        out +=
            "    # The first connection that fails takes a box out until its next check, so that a request "
            "is not "
            "asked of two\n"
            "    # dead boxes in turn.\n";
    }
    out += "    default-server" + check_words(every, others) + "\n";
    for (const std::size_t at : on) {
        const box_entry& box = file.boxes[at];
        out += server_line(box, edge) + " maxconn " + number(box.max_requests) + " maxqueue " +
               number(edge.queue) + agent_words(box, every, model + (edge.affinity ? " steady" : "")) + "\n";
    }
    out += "\n";
}

void write_statistics(std::string& out, const edge_settings& edge) {
    out += "frontend statistics\n";
    out += "    bind " + edge.statistics + "\n";
    out +=
        "    http-request use-service prometheus-exporter if { path /metrics }\n"
        "    stats enable\n"
        "    stats uri /\n"
        "    stats refresh 10s\n"
        "\n";
}

}  // namespace

std::vector<std::string> backend_names(const std::vector<std::string>& models) {
    std::vector<std::string> out;
    std::set<std::string> known;
    for (const std::string& model : models) {
        std::string name = "model_" + model;
        std::ranges::replace(name, '/', '.');
        const std::string plain = name;
        for (unsigned i = 2; !known.insert(name).second; ++i) {
            name = plain + "_" + std::to_string(i);
        }
        out.push_back(std::move(name));
    }
    return out;
}

core::result<std::string> render_haproxy(const boxes_file& file, const std::vector<edge_key>& keys) {
    for (const box_entry& box : file.boxes) {
        if (!box.models) {
            return core::make_failure(core::errc::invalid, core::say("fleet.no-models/box", box.name));
        }
    }
    const routes all = routes_of(file);
    std::vector<std::string> models;
    std::size_t pairs = 0;
    for (const auto& [model, on] : all) {
        models.push_back(model);
        for (const std::size_t at : on) {
            pairs += servers_of(file.boxes[at]);
        }
    }
    const std::vector<std::string> names = backend_names(models);
    std::string out =
        "# HAProxy 2.6 or later in front of a fleet of boxes, written by 'corral fleet render' from its list "
        "of boxes.\n"
        "# Change the list and write this again, rather than this.\n\n";
    write_global(out, file);
    write_defaults(out, file);
    write_frontend(out, file.edge, keys, models, names);
    if (!file.edge.statistics.empty()) {
        write_statistics(out, file.edge);
    }
    write_any(out, file);
    write_unread(out, file);
    const std::string every = interval(pairs);
    auto name = names.begin();
    for (const auto& route : all) {
        write_model(out, file, *name++, route, every);
    }
    out.pop_back();
    return out;
}

}  // namespace corral::boxes
