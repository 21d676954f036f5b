#include "runtime/vendor_http_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "runtime/connection_stream.hpp"

namespace corral::sim {
namespace {

using namespace std::chrono_literals;

constexpr int requests_per_connection = 5;
constexpr auto idle_timeout = 5000ms;

bool known_method(const std::string& method) {
    for (const char* known :
         {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"})
        if (method == known) return true;
    return false;
}

std::size_t pool_size() {
    const auto cores = std::thread::hardware_concurrency();
    return std::max<std::size_t>(8, cores > 0 ? cores - 1 : 0);
}

}  // namespace

// Counts a connection from its acceptance, whether or not a thread is free for it.
class vendor_http_server::counting_pool : public httplib::TaskQueue {
public:
    counting_pool(vendor_http_server& owner, connection_counts& counts)
        : owner_(owner), counts_(counts), threads_(pool_size()) {
        owner_.pool_ = this;
    }
    ~counting_pool() override { owner_.pool_ = nullptr; }

    // Newer versions of the library want to know whether the job was taken.
    using enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));
    enqueued enqueue(std::function<void()> job) override {
        ++counts_.accepted;
        const int open = ++counts_.open;
        int high = counts_.high_water;
        while (open > high && !counts_.high_water.compare_exchange_weak(high, open)) {
        }
        return threads_.enqueue(std::move(job));
    }
    void shutdown() override { threads_.shutdown(); }
    void hold_all(int ms) {
        for (std::size_t i = 0; i < pool_size(); ++i)
            threads_.enqueue([ms] { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); });
    }

private:
    vendor_http_server& owner_;
    connection_counts& counts_;
    httplib::ThreadPool threads_;
};

vendor_http_server::vendor_http_server(fault_switches& faults, connection_counts& counts)
    : faults_(faults), counts_(counts) {
    new_task_queue = [this] { return new counting_pool(*this, counts_); };
    set_keep_alive_max_count(requests_per_connection);  // the default is the library version's own
    set_default_headers({{"Access-Control-Allow-Origin", "*"}});
    set_socket_options([](socket_t socket) {
        const int yes = 1;
        setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    });
    set_pre_routing_handler(
        [this](const httplib::Request& q, httplib::Response& r) { return before_routing(q, r); });
    Options(R"(.*)", [](const httplib::Request&, httplib::Response& response) {
        response.set_header("Access-Control-Allow-Headers", "Content-Type");
        response.set_header("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    });
}

void vendor_http_server::block_pool(int ms) {
    // The pool exists a moment after the port is open.
    for (int waited = 0; pool_.load() == nullptr && waited < 5000; ++waited) std::this_thread::sleep_for(1ms);
    if (auto* pool = pool_.load()) pool->hold_all(ms);
}

// Since 0.16 the library wants the addresses of both ends; no route here asks for one.
template <typename Self>
bool vendor_http_server::answer_one(Self& self, httplib::Stream& stream, bool last, bool& closed) {
    if constexpr (requires { self.process_request(stream, last, closed, nullptr); }) {
        return self.process_request(stream, last, closed, nullptr);
    } else {
        return self.process_request(stream, "127.0.0.1", 0, "127.0.0.1", 0, last, closed, nullptr);
    }
}

bool vendor_http_server::process_and_close_socket(socket_t socket) {
    bool result = false;
    for (int left = requests_per_connection; left > 0 && svr_sock_ != INVALID_SOCKET; --left) {
        ++counts_.silent;
        const bool speaks = connection_stream::wait_readable(socket, idle_timeout);
        --counts_.silent;
        if (!speaks) break;
        plan_of_this_thread() = {};
        connection_stream stream(socket);
        bool closed = false;
        result = answer_one(*this, stream, left == 1, closed);
        if (!result || closed || stream.damaged()) break;
    }
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    --counts_.open;
    return result;
}

bool vendor_http_server::answered_by_fault(const std::string& route, httplib::Response& response) {
    if (const auto slow = faults_.fire("slow_reply", route))
        std::this_thread::sleep_for(std::chrono::milliseconds(slow->value("ms", 1000)));
    if (const auto hang = faults_.fire("hang", route)) {
        const int ms = hang->value("ms", -1);
        for (int waited = 0; ms < 0 || waited < ms; waited += 20) std::this_thread::sleep_for(20ms);
        plan_of_this_thread().damage = reply_damage::drop;
        return true;
    }
    if (faults_.fire("drop_reply", route)) plan_of_this_thread().damage = reply_damage::drop;
    if (faults_.fire("truncated_reply", route)) plan_of_this_thread().damage = reply_damage::truncate;
    if (const auto garbage = faults_.fire("garbage_reply", route)) {
        if (garbage->value("level", "body") != "http") {
            response.set_content("}{ not json \x01", "application/json");
            return true;
        }
        plan_of_this_thread().damage = reply_damage::not_http;
    }
    if (faults_.fire("empty_reply", route)) return true;
    if (const auto status = faults_.fire("status_reply", route)) {
        response.status = status->value("status", 500);
        const auto body = status->value("body", "");
        if (!body.empty()) response.set_content(body, "application/json");
        return true;
    }
    return false;
}

httplib::Server::HandlerResponse vendor_http_server::before_routing(const httplib::Request& request,
                                                                    httplib::Response& response) {
    // What the original's library version does not look at is taken away before this one acts on it:
    // compression (it was built without) and ranges of short answers.
    auto& changeable = const_cast<httplib::Request&>(request);
    changeable.headers.erase("Accept-Encoding");
    changeable.ranges.clear();
    if (!known_method(request.method)) {  // refused there while the request line is parsed
        response.status = 400;
        return HandlerResponse::Handled;
    }
    plan_of_this_thread().routed = true;
    const auto encoding = request.get_header_value("Content-Encoding");
    if (encoding == "gzip" || encoding == "deflate" || encoding == "br") {
        response.status = 415;
        return HandlerResponse::Handled;
    }
    return answered_by_fault(request.path, response) ? HandlerResponse::Handled : HandlerResponse::Unhandled;
}

}  // namespace corral::sim
