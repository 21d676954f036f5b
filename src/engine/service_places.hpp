#pragma once
// Where the services of a model are: ports, and commands with their placeholders filled in. The same for all
// dialects that start processes.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/catalog/profile.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/result.hpp"
#include "corral/engine/backend.hpp"
#include "corral/process/service_port.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/supervisor/service_spec.hpp"

namespace corral::engine {

using port_map = std::map<std::string, std::uint16_t>;  // by service

// `why`, with the model and the service in front.
[[nodiscard]] core::failure about(const catalog::model_entry& model, const std::string& service,
                                  const core::failure& why);

// From the kernel where none is given or the given one is moved; what was got is added to `held`.
[[nodiscard]] core::result<port_map> choose_ports(core::random_source& random,
                                                  const catalog::model_entry& model,
                                                  std::vector<process::service_port>& held);

// Those that its services have already, `known`; each is held like one that was chosen. errc::invalid: one is
// missing.
[[nodiscard]] core::result<port_map> keep_ports(const catalog::model_entry& model, const port_map& known,
                                                std::vector<process::service_port>& held);

// A number of no meaning for each port that the kernel would choose: only good for comparing.
[[nodiscard]] port_map nominal_ports(const catalog::model_entry& model);

// Without hooks and gates. `urls`: of services that are told another than their own.
[[nodiscard]] core::result<supervisor::service_spec> make_service(
    const catalog::model_entry& model, const catalog::service_template& rules, const port_map& ports,
    const std::map<std::string, std::string>& urls);

// The services of one model in order, as they are gathered. The runtime is the last one.
struct group_places {
    supervisor::group_spec services;  // without hooks
    std::string runtime;              // its service's name
    boost::asio::ip::tcp::endpoint runtime_at;
    port_map ports;  // as the commands name them
    std::vector<process::service_port> held_ports;
    std::vector<std::shared_ptr<supervisor::start_gate>> gates;  // of the services that need the device
};

// The name and the ports; with `handover` those that its processes have. REQUIRES: the profile names a service.
[[nodiscard]] core::result<void> begin_group(const supervisor::supervisor_context& context,
                                             const catalog::model_entry& model,
                                             const backend_handover* handover, group_places& places);

// The next service, with its gates.
void add_service(const supervisor::supervisor_context& context, const catalog::model_entry& model,
                 supervisor::service_spec service, group_places& places);

}  // namespace corral::engine
