#pragma once

#include <httplib.h>

#include <atomic>
#include <string>

#include "fault_switches.hpp"

// The HTTP side of the original: cpp-httplib (it was built with 0.15.3) with its pool, keep-alive and
// buffering, plus the reply faults. Differences of the installed library version are evened out here.
namespace corral::sim {

struct connection_counts {
    std::atomic<int> open{0};
    std::atomic<int> high_water{0};
    std::atomic<int> accepted{0};
    std::atomic<int> silent{0};  // a thread waits for what they ask
};

class vendor_http_server : public httplib::Server {
public:
    vendor_http_server(fault_switches& faults, connection_counts& counts);

    // Holds every pool thread for so long, as idle connections do.
    void block_pool(int ms);

private:
    class counting_pool;

    bool process_and_close_socket(socket_t socket) override;
    template <typename Self>
    static bool answer_one(Self& self, httplib::Stream& stream, bool last, bool& closed);
    HandlerResponse before_routing(const httplib::Request& request, httplib::Response& response);
    bool answered_by_fault(const std::string& route, httplib::Response& response);

    fault_switches& faults_;
    connection_counts& counts_;
    std::atomic<counting_pool*> pool_{nullptr};
};

}  // namespace corral::sim
