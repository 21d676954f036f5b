#pragma once
// Where the services of a model are: ports, and commands with their placeholders filled in. The same for all
// dialects that start processes.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/result.hpp"
#include "corral/process/service_port.hpp"
#include "corral/supervisor/group.hpp"

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

}  // namespace corral::engine
