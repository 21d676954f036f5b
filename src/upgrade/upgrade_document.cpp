#include "corral/upgrade/upgrade_document.hpp"

#include <limits>
#include <set>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "corral/core/say.hpp"

namespace corral::upgrade {

namespace {

using nlohmann::json;

constexpr int deepest = 12;
constexpr std::size_t most_models = 1024;
constexpr std::size_t most_services = 64;
constexpr std::size_t most_loans = 64;
constexpr std::size_t most_lines = 4096;
constexpr std::size_t most_connections = 65536;
constexpr std::size_t most_groups = 4096;
constexpr std::size_t longest_text = 64 * 1024;
constexpr std::size_t longest_speeds = 512 * 1024;  // 600 days of 200 bytes, and names

// What breaks the format; decode() reports it as one failure.
[[noreturn]] void reject(const std::string& what) {
    throw std::invalid_argument(what);
}

const json& member(const json& object, const char* name) {
    const auto found = object.is_object() ? object.find(name) : object.end();
    if (!object.is_object() || found == object.end()) {
        reject(std::string("'") + name + "' is missing");
    }
    return *found;
}

const json& list(const json& object, const char* name, std::size_t most) {
    const json& all = member(object, name);
    if (!all.is_array() || all.size() > most) {
        reject(std::string("'") + name + "' is no list of a sane length");
    }
    return all;
}

const json& object(const json& object, const char* name, std::size_t most) {
    const json& all = member(object, name);
    if (!all.is_object() || all.size() > most) {
        reject(std::string("'") + name + "' is no object of a sane size");
    }
    return all;
}

std::string text_in(const json& value, const char* name, std::size_t longest = longest_text) {
    if (!value.is_string() || value.get_ref<const std::string&>().size() > longest) {
        reject(std::string("'") + name + "' is no text of a sane length");
    }
    return value.get<std::string>();
}

std::string text(const json& object, const char* name) {
    return text_in(member(object, name), name);
}

bool flag(const json& object, const char* name) {
    const json& value = member(object, name);
    if (!value.is_boolean()) {
        reject(std::string("'") + name + "' is neither true nor false");
    }
    return value.get<bool>();
}

std::int64_t number_in(const json& value, const char* name, std::int64_t least, std::int64_t most) {
    const bool too_large =
        value.is_number_unsigned() &&
        value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!value.is_number_integer() || too_large || value.get<std::int64_t>() < least ||
        value.get<std::int64_t>() > most) {
        reject(std::string("'") + name + "' is no number in its range");
    }
    return value.get<std::int64_t>();
}

std::int64_t number(const json& object, const char* name, std::int64_t least, std::int64_t most) {
    return number_in(member(object, name), name, least, most);
}

constexpr std::int64_t most_number = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t most_pid = std::numeric_limits<pid_t>::max();
constexpr std::int64_t most_descriptor = std::numeric_limits<int>::max();

constexpr std::int64_t first_descriptor = STDERR_FILENO + 1;  // those before are never handed over

// -1 where an optional one is not there.
int descriptor(const json& object, const char* name, bool optional) {
    const std::int64_t found = number(object, name, optional ? -1 : first_descriptor, most_descriptor);
    if (found != -1 && found < first_descriptor) {
        reject(std::string("'") + name + "' is a standard stream");
    }
    return static_cast<int>(found);
}

std::vector<int> descriptors(const json& object, const char* name) {
    std::vector<int> out;
    for (const json& one : list(object, name, most_connections)) {
        out.push_back(static_cast<int>(number_in(one, name, first_descriptor, most_descriptor)));
    }
    return out;
}

std::uint16_t port(const json& value, const char* name) {
    return static_cast<std::uint16_t>(number_in(value, name, 1, 65535));
}

core::steady_time moment(const json& object, const char* name) {
    return core::steady_time(core::nanoseconds(number(object, name, 0, most_number)));
}

std::int64_t count_of(core::steady_time at) {
    return core::nanoseconds(at.time_since_epoch()).count();
}

json write_service(const supervisor::service_handover& one) {
    return {{"name", one.name},
            {"pid", one.process.pid},
            {"out", one.process.out},
            {"err", one.process.err},
            {"pty", one.process.pty},
            {"port", one.port},
            {"followed", one.followed},
            {"unreached", one.unreached},
            {"unguarded", one.unguarded},
            {"starts", one.starts},
            {"ready_since", count_of(one.ready_since)},
            {"lines", one.lines}};
}

supervisor::service_handover read_service(const json& object) {
    supervisor::service_handover out;
    out.name = text(object, "name");
    out.process.pid = static_cast<pid_t>(number(object, "pid", 2, most_pid));
    out.process.out = descriptor(object, "out", true);
    out.process.err = descriptor(object, "err", true);
    out.process.pty = flag(object, "pty");
    out.port = port(member(object, "port"), "port");
    out.followed = flag(object, "followed");
    out.unreached =
        object.contains("unreached") && flag(object, "unreached");  // earlier versions did not tell
    out.unguarded = text(object, "unguarded");
    out.starts = static_cast<std::uint64_t>(number(object, "starts", 1, most_number));
    out.ready_since = moment(object, "ready_since");
    for (const json& line : list(object, "lines", most_lines)) {
        out.lines.push_back(text_in(line, "lines"));
    }
    return out;
}

json write_running(const engine::backend_handover& one) {
    json services = json::array();
    for (const supervisor::service_handover& service : one.services.services) {
        services.push_back(write_service(service));
    }
    return {{"fingerprint", one.fingerprint},
            {"services", std::move(services)},
            {"ports", one.ports},
            {"tap", one.tap},
            {"state", one.state}};
}

engine::backend_handover read_running(const json& from) {
    engine::backend_handover out;
    out.fingerprint = text(from, "fingerprint");
    for (const json& service : list(from, "services", most_services)) {
        out.services.services.push_back(read_service(service));
    }
    for (const auto& [name, value] : object(from, "ports", most_services).items()) {
        out.ports[name] = port(value, "ports");
    }
    out.tap = descriptor(from, "tap", true);
    for (const auto& [name, value] : object(from, "state", most_services).items()) {
        out.state[name] = text_in(value, "state");
    }
    return out;
}

json write_model(const model_handover& handover) {
    json out = {{"name", handover.name},
                {"wanted", handover.wanted},
                {"suspended", handover.suspended},
                {"stay", handover.stay.count()}};
    if (handover.running) {
        out["running"] = write_running(*handover.running);
    }
    return out;
}

model_handover read_model(const json& object) {
    model_handover out;
    out.name = text(object, "name");
    out.wanted = flag(object, "wanted");
    out.suspended = flag(object, "suspended");
    out.stay = core::nanoseconds(number(object, "stay", 0, most_number));
    if (object.contains("running")) {
        out.running = read_running(object["running"]);
    }
    return out;
}

process::warden_handover read_guard(const json& object) {
    process::warden_handover out;
    out.pipe = descriptor(object, "pipe", false);
    out.pid = static_cast<pid_t>(number(object, "pid", 0, most_pid));
    out.token = text(object, "token");
    for (const json& group : list(object, "groups", most_groups)) {
        out.groups.insert(static_cast<pid_t>(number_in(group, "groups", 2, most_pid)));
    }
    return out;
}

std::vector<http::kept_connection> read_connections(const json& object) {
    std::vector<http::kept_connection> out;
    for (const int socket : descriptors(object, "connections")) {
        out.push_back({socket, {}});
    }
    if (!object.contains("announced")) {
        return out;
    }
    for (const json& one : list(object, "announced", most_connections)) {
        const auto at = static_cast<std::size_t>(number(one, "connection", 0, most_connections - 1));
        boost::system::error_code error;
        const auto address = boost::asio::ip::make_address(text(one, "address"), error);
        if (error || at >= out.size()) {
            reject("a connection's client is none");
        }
        out[at].announced.emplace(address, static_cast<std::uint16_t>(number(one, "port", 0, 65535)));
    }
    return out;
}

handover read_all(const json& object) {
    if (number(object, "version", 0, most_number) != handover_version) {
        reject("its version is another");
    }
    handover out;
    out.guard = read_guard(member(object, "guard"));
    out.descriptor_limit = static_cast<std::uint64_t>(number(object, "descriptor_limit", 0, most_number));
    out.listeners = descriptors(object, "listeners");
    out.activated = flag(object, "activated");
    out.connections = read_connections(object);
    out.state_lock = object.contains("state_lock") ? descriptor(object, "state_lock", true) : -1;
    out.drained = object.contains("drained") && flag(object, "drained");
    out.paused = moment(object, "paused");
    for (const json& model : list(object, "models", most_models)) {
        out.models.push_back(read_model(model));
    }
    for (const json& loan : object.contains("loans") ? list(object, "loans", most_loans) : json::array()) {
        loan_handover one{descriptor(loan, "asker", false), {}};
        if (loan.contains("until")) {
            one.until = moment(loan, "until");
        }
        for (const json& model : list(loan, "models", most_models)) {
            one.models.insert(text_in(model, "models"));
        }
        out.loans.push_back(std::move(one));
    }
    if (object.contains("cards")) {  // earlier versions did not tell
        out.cards = text_in(object["cards"], "cards");
    }
    if (object.contains("speeds")) {
        out.speeds = text_in(object["speeds"], "speeds", longest_speeds);
    }
    return out;
}

// A tree only as deep as ours, so that no depth can exhaust the stack.
json parse(std::string_view text) {
    bool too_deep = false;
    const auto judge = [&too_deep](int depth, json::parse_event_t, json&) {
        too_deep = too_deep || depth > deepest;
        return depth <= deepest;
    };
    json tree = json::parse(text.begin(), text.end(), judge, false);
    if (tree.is_discarded() || too_deep) {
        reject("it is not the JSON it should be");
    }
    return tree;
}

}  // namespace

std::string encode(const handover& what) {
    json models = json::array();
    for (const model_handover& model : what.models) {
        models.push_back(write_model(model));
    }
    json loans = json::array();
    for (const loan_handover& one : what.loans) {
        loans.push_back({{"asker", one.asker}, {"models", one.models}, {"until", count_of(one.until)}});
    }
    std::vector<int> connections;
    json announced = json::array();
    for (const http::kept_connection& one : what.connections) {
        if (one.announced) {
            announced.push_back({{"connection", connections.size()},
                                 {"address", one.announced->address().to_string()},
                                 {"port", one.announced->port()}});
        }
        connections.push_back(one.socket);
    }
    const json guard = {{"pipe", what.guard.pipe},
                        {"pid", what.guard.pid},
                        {"token", what.guard.token},
                        {"groups", what.guard.groups}};
    const json all = {{"version", handover_version},
                      {"guard", guard},
                      {"descriptor_limit", what.descriptor_limit},
                      {"listeners", what.listeners},
                      {"activated", what.activated},
                      {"connections", connections},
                      {"announced", std::move(announced)},
                      {"state_lock", what.state_lock},
                      {"drained", what.drained},
                      {"paused", count_of(what.paused)},
                      {"models", std::move(models)},
                      {"loans", std::move(loans)},
                      {"cards", what.cards},
                      {"speeds", what.speeds.size() > longest_speeds ? std::string() : what.speeds}};
    return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

core::result<handover> decode(std::string_view text) {
    try {
        if (text.size() > longest_handover) {
            reject("it is too long");
        }
        return read_all(parse(text));
    } catch (const std::exception& error) {
        return core::make_failure(core::errc::invalid,
                                  core::say("upgrade.handed-over/over-read", error.what()));
    }
}

std::vector<int> descriptors_of(const handover& what) {
    std::vector<int> all = what.listeners;
    all.push_back(what.guard.pipe);
    for (const http::kept_connection& one : what.connections) {
        all.push_back(one.socket);
    }
    for (const loan_handover& one : what.loans) {
        all.push_back(one.asker);
    }
    const auto add = [&all](int fd) {
        if (fd >= 0) {
            all.push_back(fd);
        }
    };
    add(what.state_lock);
    for (const model_handover& model : what.models) {
        if (!model.running) {
            continue;
        }
        add(model.running->tap);
        for (const supervisor::service_handover& service : model.running->services.services) {
            add(service.process.out);
            add(service.process.err);
        }
    }
    return all;
}

core::result<void> check_descriptors(const handover& what) {
    std::set<int> seen;
    for (const int fd : descriptors_of(what)) {
        if (fd <= STDERR_FILENO || !seen.insert(fd).second || ::fcntl(fd, F_GETFD) < 0) {
            return core::make_failure(core::errc::invalid, core::say("upgrade.handed-over/over-names", fd));
        }
    }
    return {};
}

}  // namespace corral::upgrade
