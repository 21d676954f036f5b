#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// One request on a socket and its answer, framed as the original's HTTP library frames it.
namespace corral::sim {

struct chat_request {
    std::string method;
    std::string path;  // without the query
    std::string query;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;
};

// What of an answer belongs to the library and not to the program.
struct http_look {
    bool http10 = false;
    bool keep_alive = true;
    int most_requests = 0;   // of a connection, told as cpp-httplib does; 0: no bound, and nothing told
    bool hangs_up = false;   // behind each stream, whatever its head says
    bool shouts = false;     // reason phrases in capitals, as Werkzeug
    bool lazy_head = false;  // the head of a stream goes out with its first bytes
    std::vector<std::pair<std::string, std::string>> headers;  // on every answer
};

class http_exchange {
public:
    // `split`: writes of the body are cut into pieces of so many bytes, at any byte; 0 leaves them whole. `count`: which
    // request of its connection this is, from 1.
    http_exchange(int socket, const http_look& look, int split, bool close_asked, int count = 1);

    void answer(int status, const std::string& content_type, const std::string& body,
                const std::vector<std::pair<std::string, std::string>>& more = {});
    void begin_stream(int status, const std::string& content_type);
    // False once the client has gone.
    bool write(std::string_view bytes);
    void end_stream();
    // The connection ends here, whatever the framing promised.
    void abandon();
    // True when the client has closed its side; consumes nothing.
    bool gone() const;

    bool answered() const { return answered_; }
    bool closes() const { return closes_; }
    // Half of the next body is sent, then the connection closes (a fault).
    void truncate() { truncates_ = true; }

private:
    // What becomes of the connection, for the head.
    std::string fate() const;
    std::string head(int status, const std::string& content_type) const;
    bool send_all(std::string_view bytes);
    bool send_split(std::string_view bytes);

    int socket_;
    const http_look& look_;
    std::size_t split_;
    int left_;  // requests of the connection behind this one
    std::string unsent_;
    bool answered_ = false;
    bool closes_;
    bool broken_ = false;
    bool truncates_ = false;
};

const char* reason_phrase(int status);

}  // namespace corral::sim
