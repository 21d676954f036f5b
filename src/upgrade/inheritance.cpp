#include "corral/upgrade/inheritance.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string_view>
#include <utility>

#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/engine/dialect.hpp"
#include "corral/process/listener_owner.hpp"
#include "corral/process/own_process.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::upgrade {

namespace {

using boost::asio::ip::tcp;

std::optional<int> descriptor_in(const char* text) {
    int value = -1;
    const std::string_view all(text);
    const auto [end, error] = std::from_chars(all.data(), all.data() + all.size(), value);
    return error == std::errc{} && end == all.data() + all.size() ? std::optional(value) : std::nullopt;
}

core::result<handover> read_handover(const char* variable) {
    const auto memory = descriptor_in(variable);
    if (!memory) {
        return core::make_failure(core::errc::invalid,
                                  core::say("upgrade.handed-over/number-descriptor", handover_variable));
    }
    const auto text = process::read_sealed_memory(*memory, longest_handover);
    if (!text) {
        return text.error();
    }
    ::close(*memory);
    auto read = decode(*text);
    if (read) {
        if (auto open = check_descriptors(*read); !open) {
            return open.error();
        }
    }
    return read;
}

std::optional<tcp::endpoint> address_of(int socket) {
    tcp::endpoint at;
    auto length = static_cast<socklen_t>(at.capacity());
    const bool known = ::getsockname(socket, at.data(), &length) == 0 &&
                       (at.data()->sa_family == AF_INET || at.data()->sa_family == AF_INET6);
    if (!known) {
        return std::nullopt;
    }
    at.resize(length);
    return at;
}

std::string name_of(const tcp::endpoint& where) {
    std::ostringstream out;
    out << where;
    return out.str();
}

void end_processes(const engine::backend_handover& backend) {
    for (const supervisor::service_handover& service : backend.services.services) {
        // Ours, or gone: anything else was refused when it was read, or is not a child.
        if (process::child::can_adopt({service.process.pid, -1, -1, false})) {
            ::kill(-service.process.pid, SIGKILL);
        }
    }
}

void close_streams(const engine::backend_handover& of) {
    for (const supervisor::service_handover& service : of.services.services) {
        for (const int fd : {service.process.out, service.process.err}) {
            if (fd >= 0) {
                ::close(fd);
            }
        }
    }
    if (of.tap >= 0) {
        ::close(of.tap);
    }
}

// What stands before the place in a label (catalog::label_of).
std::string lane_of(const model_handover& handover) {
    return handover.name.substr(0, handover.name.find('@'));
}

// What ran under that label, or failing that something of the same making that has another one now: a model
// that was renamed, or that has got a second place to run in.
std::optional<engine::backend_handover> take_running(inheritance& inherited, const std::string& label,
                                                     const std::string& fingerprint) {
    if (!inherited.before) {
        return std::nullopt;
    }
    auto& all = inherited.before->models;
    auto found = std::find_if(all.begin(), all.end(), [&](const model_handover& handover) {
        return handover.running && handover.name == label && handover.running->fingerprint == fingerprint;
    });
    if (found == all.end() && !fingerprint.empty()) {
        found = std::find_if(all.begin(), all.end(), [&](const model_handover& handover) {
            return handover.running && handover.running->fingerprint == fingerprint;
        });
    }
    if (found == all.end()) {
        found = std::find_if(all.begin(), all.end(), [&](const model_handover& handover) {
            return handover.running && handover.name == label;
        });
    }
    return found == all.end() ? std::nullopt : std::exchange(found->running, std::nullopt);
}

core::failure taken_by_whom(const tcp::endpoint& where) {
    std::string holder = "another process";
    for (const process::listening_socket& row : process::listeners_on(where.port())) {
        if (row.owner > 0) {
            holder = row.program + " (pid " + std::to_string(row.owner) + ")";
        }
    }
    return core::errno_failure(EADDRINUSE,
                               core::say("configuration.listen-failed/taken", name_of(where), holder));
}

core::result<tcp::endpoint> listen(http::server& at, const tcp::endpoint& where) {
    auto done = at.listen(where);
    return done || done.error().code != boost::system::errc::address_in_use ? done : taken_by_whom(where);
}

std::optional<int> activated_socket() {
    const int count = sd_listen_fds(1);
    if (count > 1) {
        std::cerr << "warning: " << count << " sockets were handed over by the service manager; the first is "
                  << "used\n";
    }
    for (int extra = 1; extra < count; ++extra) {
        ::close(SD_LISTEN_FDS_START + extra);
    }
    if (count < 1) {
        return std::nullopt;
    }
    if (!address_of(SD_LISTEN_FDS_START)) {
        std::cerr << "warning: the socket handed over by the service manager is no TCP socket; it is not "
                     "used\n";
        ::close(SD_LISTEN_FDS_START);
        return std::nullopt;
    }
    return SD_LISTEN_FDS_START;
}

}  // namespace

inheritance take_inheritance() {
    inheritance out;
    if (const char* const variable = std::getenv(handover_variable); variable != nullptr) {
        auto read = read_handover(variable);
        ::unsetenv(handover_variable);
        if (read) {
            process::close_everything_on_exec();
            out.before = std::move(*read);
            return out;
        }
        std::cerr << "warning: " << core::say("upgrade.handed-over/all-anew", read.error()) << '\n';
        process::close_everything();
    }
    out.socket = activated_socket();
    return out;
}

core::result<config::door> open_door(http::server& at, const config::configuration& settings,
                                     inheritance& inherited) {
    const bool managed = inherited.socket || (inherited.before && inherited.before->activated);
    std::optional<int> handle = std::exchange(inherited.socket, std::nullopt);
    if (inherited.before && !inherited.before->listeners.empty()) {
        handle = inherited.before->listeners.front();
        for (std::size_t extra = 1; extra < inherited.before->listeners.size(); ++extra) {
            ::close(inherited.before->listeners[extra]);
        }
    }
    const auto where = handle ? address_of(*handle) : std::nullopt;
    if (handle && !where) {
        ::close(*handle);
    }
    const auto open = where ? std::optional(config::door{*where, managed}) : std::nullopt;
    if (open && managed && !config::same_door(open->at, settings.listen)) {
        telemetry::warn(
            core::say("configuration.listen-failed/socket", name_of(open->at), name_of(settings.listen)));
    }
    const config::door_plan plan = config::plan_door(open, config::door_rules_of(settings));
    if (plan.step == config::door_step::refuse) {
        return plan.why;
    }
    const auto opened = [](const core::result<tcp::endpoint>& at_last,
                           bool is_managed) -> core::result<config::door> {
        return at_last ? core::result<config::door>(config::door{*at_last, is_managed}) : at_last.error();
    };
    if (plan.step == config::door_step::keep) {
        return opened(at.listen_on(*handle), managed);
    }
    if (plan.step == config::door_step::move) {
        // First, for an address that covers the new one would be in its way.
        ::close(*handle);
    }
    auto fresh = listen(at, settings.listen);
    if (fresh || !plan.may_stay) {
        return opened(fresh, false);
    }
    telemetry::error(core::say("upgrade.handed-over/stays", fresh.error()));
    return opened(listen(at, open->at), false);
}

std::vector<http::kept_connection> take_connections(inheritance& inherited, const config::door& open) {
    std::vector<http::kept_connection> out;
    for (const auto& client :
         inherited.before ? inherited.before->connections : std::vector<http::kept_connection>{}) {
        const auto here = address_of(client.socket);
        if (here && config::leads_to(open, here->address())) {
            out.push_back(client);
        } else {
            ::close(client.socket);
        }
    }
    return out;
}

std::vector<std::string> deployments_before(const inheritance& inherited) {
    std::vector<std::string> out;
    if (inherited.before) {
        for (const model_handover& one : inherited.before->models) {
            out.push_back(lane_of(one));
        }
    }
    return out;
}

deployment_handover handover_of(const inheritance& inherited, const std::string& model) {
    deployment_handover out;
    if (!inherited.before) {
        return out;
    }
    for (const model_handover& one : inherited.before->models) {
        if (lane_of(one) == model) {
            out.known = true;
            out.wanted = out.wanted || one.wanted;
            out.suspended = out.suspended || one.suspended;
            out.stay = std::max(out.stay, one.stay);
        }
    }
    return out;
}

core::result<std::unique_ptr<engine::backend>> make_or_adopt_backend(
    const supervisor::supervisor_context& context, const catalog::model_entry& model, inheritance& inherited,
    bool& adopted) {
    const auto known = engine::dialect_of(model);
    if (!known) {
        return known.error();
    }
    const engine::dialect_descriptor* const dialect = *known;
    const std::string label = catalog::label_of(model);
    adopted = false;
    const bool can = dialect->adopt != nullptr && dialect->fingerprint != nullptr;
    const std::string fingerprint = can ? dialect->fingerprint(model) : std::string();
    std::optional<engine::backend_handover> running = take_running(inherited, label, fingerprint);
    if (!running) {
        return dialect->make(context, model);
    }
    if (can && fingerprint == running->fingerprint) {
        auto made = dialect->adopt(context, model, *running);
        if (made) {
            adopted = true;
            return made;
        }
        telemetry::error(core::say("upgrade.handed-over/anew", made.error()));
    } else {
        telemetry::warn(core::say("upgrade.handed-over/other-configuration", label));
        close_streams(*running);
    }
    end_processes(*running);
    return dialect->make(context, model);
}

void release_unclaimed(process::warden& guard, inheritance& inherited) {
    if (!inherited.before) {
        return;
    }
    for (model_handover& one : inherited.before->models) {
        if (!one.running) {
            continue;
        }
        telemetry::log().info("model {}: is not in the configuration any more and is ended", one.name);
        end_processes(*one.running);
        close_streams(*one.running);
        for (const supervisor::service_handover& service : one.running->services.services) {
            if (const auto sent = guard.forget_group(service.process.pid); !sent) {
                telemetry::log().debug("the warden could not be notified: {}", sent.error().message);
            }
        }
        one.running.reset();
    }
}

}  // namespace corral::upgrade
