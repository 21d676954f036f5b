#include "http/request_parser.hpp"

#include <random>

#include <gtest/gtest.h>

namespace corral::http {
namespace {

using progress = request_parser::progress;

constexpr std::size_t plenty = 1024 * 1024;

// Feeds as the connection does: what was not taken comes again with the next bytes behind it.
class feeder {
public:
    explicit feeder(parser_limits limits = {}, std::size_t budget = plenty)
        : budget_(budget), parser(limits) {}

    void add(std::string_view bytes) {
        waiting += bytes;
        if (parser.state() == progress::header) {
            waiting.erase(0, parser.feed(waiting));
        }
        if (parser.state() == progress::at_body) {
            parser.admit(budget_, "somebody");
        }
        if (parser.state() == progress::body) {
            waiting.erase(0, parser.feed(waiting));
        }
    }

    body_budget budget_;
    request_parser parser;
    std::string waiting;
};

std::string one_refusal(const std::string& bytes, parser_limits limits = {}, std::size_t budget = plenty) {
    feeder all(limits, budget);
    all.add(bytes);
    if (all.parser.state() == progress::refused) {
        return std::to_string(all.parser.why().status);
    }
    return all.parser.state() == progress::complete ? "complete" : "unfinished";
}

const std::string post =
    "POST /api/chat?x=1 HTTP/1.1\r\nHost: h\r\nX-One: a\r\nx-one: b\r\nContent-Length: 5\r\n\r\nhello";
const std::string chunked =
    "POST /api/chat HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n10;ext=1\r\n0123456789abcdef\r\n0\r\nX-Trailer: t\r\n\r\n";
const std::string empty_chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

TEST(request_parser, every_split_gives_the_same_request) {
    struct row {
        std::string bytes;
        std::string body;
    };
    const row rows[] = {{post, "hello"},
                        {chunked, "abc0123456789abcdef"},
                        {empty_chunked, ""},
                        {"\r\n" + post, "hello"},
                        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", ""}};
    for (const row& one : rows) {
        const std::string all = one.bytes + "NEXT";
        for (std::size_t first = 0; first <= one.bytes.size(); ++first) {
            for (std::size_t second = first; second <= one.bytes.size(); ++second) {
                feeder f;
                f.add(all.substr(0, first));
                f.add(all.substr(first, second - first));
                f.add(all.substr(second));
                ASSERT_EQ(f.parser.state(), progress::complete) << first << " " << second;
                ASSERT_EQ(f.waiting, "NEXT") << first << " " << second;
                ASSERT_EQ(f.parser.take().body, one.body) << first << " " << second;
            }
        }
    }
}

TEST(request_parser, one_byte_at_a_time) {
    for (const std::string& bytes : {post, chunked, empty_chunked}) {
        feeder f;
        for (const char letter : bytes) {
            f.add(std::string_view(&letter, 1));
        }
        EXPECT_EQ(f.parser.state(), progress::complete);
        EXPECT_TRUE(f.waiting.empty());
    }
}

TEST(request_parser, tells_what_was_sent) {
    feeder f;
    f.add(post);
    ASSERT_EQ(f.parser.state(), progress::complete);
    EXPECT_TRUE(f.parser.keep_alive());
    const request got = f.parser.take();
    EXPECT_EQ(got.method, "POST");
    EXPECT_EQ(got.target, "/api/chat?x=1");
    EXPECT_EQ(got.path, "/api/chat");
    EXPECT_EQ(got.query, "x=1");
    EXPECT_EQ(got.version, 11U);
    EXPECT_EQ(got.headers.find("X-ONE"), "a");
    EXPECT_EQ(got.headers.all().size(), 4U);
}

// A front that goes by the target and a door that goes by the field would judge different hosts.
TEST(request_parser, an_absolute_target_names_the_host) {
    for (const char* fields : {"Host: field\r\nX: y\r\n", "X: y\r\nhost: field\r\n"}) {
        feeder f;
        f.add(std::string("GET http://target:1/a HTTP/1.1\r\n") + fields + "\r\n");
        ASSERT_EQ(f.parser.state(), progress::complete);
        const request got = f.parser.take();
        EXPECT_EQ(got.headers.find("Host"), "target:1");
        EXPECT_EQ(got.headers.all().size(), 2U);
    }
    feeder old;
    old.add("GET https://target/a HTTP/1.0\r\n\r\n");
    ASSERT_EQ(old.parser.state(), progress::complete);
    EXPECT_EQ(old.parser.take().headers.find("Host"), "target");
}

TEST(request_parser, a_line_that_lacks_its_carriage_return_is_called_so) {
    for (const char* const bytes : {"GET / HTTP/1.1\nHost: h\r\n\r\n", "\r\nGET / HTTP/1.1\n\n",
                                    "GET / HTTP/1.1\r\nHost: h\nX: a\r\n\r\n"}) {
        feeder f;
        f.add(bytes);
        ASSERT_EQ(f.parser.state(), progress::refused) << bytes;
        EXPECT_NE(f.parser.why().text.find(" LF "), std::string::npos) << f.parser.why().text;
    }
}

TEST(request_parser, trailer_fields_are_not_headers) {
    feeder f;
    f.add(chunked);
    EXPECT_FALSE(f.parser.take().headers.contains("X-Trailer"));
}

TEST(request_parser, what_two_readers_could_read_differently_is_refused) {
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
    const std::string tail = "\r\n0\r\n\r\n";
    struct row {
        std::string fields;
        const char* outcome;
    };
    const row rows[] = {
        {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "400"},
        {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "400"},
        {"Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", "400"},
        {"Content-Length: 5\r\nContent-Length: 6\r\n", "400"},
        {"Content-Length: 5\r\nContent-Length: 5\r\n", "400"},
        {"Content-Length: 5, 5\r\n", "400"},
        {"Content-Length: +5\r\n", "400"},
        {"Content-Length: -5\r\n", "400"},
        {"Content-Length: 0x5\r\n", "400"},
        {"Content-Length: 5 5\r\n", "400"},
        {"Content-Length:\r\n", "400"},
        {"Content-Length: 99999999999999999999999\r\n", "400"},
        {"Content-Length : 5\r\n", "400"},
        {"Transfer-Encoding: gzip\r\n", "501"},
        {"Transfer-Encoding: gzip, chunked\r\n", "501"},
        {"Transfer-Encoding: chunked, gzip\r\n", "501"},
        {"Transfer-Encoding: identity\r\n", "501"},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "400"},
        {"Transfer-Encoding: \x0b"
         "chunked\r\n",
         "400"},
        {"Transfer-Encoding : chunked\r\n", "400"},
        {"Host: other\r\n", "400"},
        {"X: a\nY: b\r\n", "400"},
        {"X: a\rb\r\n", "400"},
        {std::string("X: a") + '\0' + "b\r\n", "400"},
        {"no colon here\r\n", "400"},
        {": no name\r\n", "400"},
        {"Expect: 200-maybe\r\n", "417"},
        {"Transfer-Encoding: chunked\r\n", "complete"},
        {"Transfer-Encoding: Chunked\r\n", "complete"},
        {"Content-Length: 5\r\n", "complete"},
    };
    for (const row& one : rows) {
        EXPECT_EQ(one_refusal(head + one.fields + tail), one.outcome) << one.fields;
    }
}

TEST(request_parser, bad_request_lines) {
    struct row {
        const char* line;
        const char* outcome;
    };
    const row rows[] = {
        {"GET / HTTP/2.0", "505"},       {"GET / HTTP/0.9", "505"},
        {"GET / HTTP/1.2", "505"},       {"GET /", "400"},
        {"GET  / HTTP/1.1", "400"},      {"G@T / HTTP/1.1", "400"},
        {"GET /a b HTTP/1.1", "400"},    {" GET / HTTP/1.1", "400"},
        {"GET nowhere HTTP/1.1", "400"}, {"GET /%zz HTTP/1.1", "400"},
        {"\x16\x03\x01\x02", "400"},     {"PRI * HTTP/2.0", "505"},
        {"CONNECT h:1 HTTP/1.1", "400"}, {"GET / HTTP/1.1", "complete"},
    };
    for (const row& one : rows) {
        EXPECT_EQ(one_refusal(std::string(one.line) + "\r\nHost: h\r\n\r\n"), one.outcome) << one.line;
    }
    EXPECT_EQ(one_refusal("GET / HTTP/1.1\r\n\r\n"), "400");
    EXPECT_EQ(one_refusal("GET / HTTP/1.0\r\n\r\n"), "complete");
    EXPECT_EQ(one_refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "400");
}

TEST(request_parser, a_header_of_the_proxy_protocol_is_named) {
    const std::string version_2("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16);
    for (const std::string& head : {std::string("PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n"),
                                    std::string("PROXY UNKNOWN\r\n"), version_2, version_2.substr(4)}) {
        feeder f;
        f.add(head + "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        ASSERT_EQ(f.parser.state(), progress::refused) << head;
        EXPECT_EQ(f.parser.why().status, 400U);
        EXPECT_NE(f.parser.why().text.find("proxy_protocol_from"), std::string::npos) << f.parser.why().text;
    }
    EXPECT_EQ(one_refusal("PROXY / HTTP/1.1\r\nHost: h\r\n\r\n"), "complete");
}

TEST(request_parser, bad_chunks) {
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const char* body :
         {"zz\r\nabc\r\n", "-1\r\nabc\r\n", "3\r\nabcdef\r\n0\r\n\r\n", "3 \r\r\nabc\r\n",
          "fffffffffffffffff\r\nabc", "\r\n\r\n\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n"}) {
        EXPECT_EQ(one_refusal(head + body), "400") << body;
    }
}

TEST(request_parser, header_beyond_its_bound_is_431_however_it_comes) {
    const parser_limits limits{1024, 1000};
    const std::string line = "GET / HTTP/1.1\r\nHost: h\r\n";
    EXPECT_EQ(one_refusal(line + "X: " + std::string(2000, 'a'), limits), "431");
    EXPECT_EQ(one_refusal("GET /" + std::string(2000, 'a'), limits), "431");
    feeder drip(limits);
    drip.add(line);
    int lines = 0;
    while (drip.parser.state() == progress::header && lines < 1000) {
        drip.add("X: 0123456789\r\n");
        ++lines;
    }
    EXPECT_EQ(drip.parser.why().status, 431U);
    EXPECT_LT(lines, 100);
    feeder ends(limits);
    for (int i = 0; i < 1000 && ends.parser.state() == progress::header; ++i) {
        ends.add("\r\n");
    }
    EXPECT_EQ(ends.parser.why().status, 431U);
}

TEST(request_parser, body_beyond_its_bound_is_413_before_it_is_read) {
    const parser_limits limits{1024, 1000};
    const std::string line = "POST / HTTP/1.1\r\nHost: h\r\n";
    EXPECT_EQ(one_refusal(line + "Content-Length: 1001\r\n\r\n", limits), "413");
    EXPECT_EQ(one_refusal(line + "Content-Length: 1000\r\n\r\n", limits), "unfinished");
    EXPECT_EQ(one_refusal(line + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n", limits), "413");
    EXPECT_EQ(one_refusal(line + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + std::string(1000, 'a') +
                              "\r\n1\r\na\r\n",
                          limits),
              "413");
}

// Feeds the header, and what came behind it for `client`.
void feed_for(request_parser& parser, body_budget& budget, std::string_view client,
              const std::string& bytes) {
    const std::size_t used = parser.feed(bytes);
    ASSERT_EQ(parser.state(), progress::at_body);
    parser.admit(budget, client);
    if (parser.state() == progress::body) {
        parser.feed(std::string_view(bytes).substr(used));
    }
}

TEST(request_parser, nothing_of_a_body_is_taken_before_it_is_known_whose_it_is) {
    request_parser parser({});
    EXPECT_EQ(parser.feed(post), post.size() - 5);
    EXPECT_EQ(parser.state(), progress::at_body);
    EXPECT_EQ(parser.feed("hello"), 0U);
    EXPECT_EQ(parser.body_bytes(), 0U);
    EXPECT_EQ(parser.charge(), nullptr);
}

TEST(request_parser, budget_is_charged_for_what_came_and_given_back) {
    body_budget budget(100, 100);
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
    {
        request_parser first({});
        feed_for(first, budget, "one", head + "Content-Length: 80\r\n\r\n" + std::string(60, 'a'));
        EXPECT_EQ(budget.used(), 60U);
        request_parser second({});
        feed_for(second, budget, "two", head + "Content-Length: 41\r\n\r\n");
        EXPECT_EQ(second.why().status, 503U);
        request_parser third({});
        feed_for(third, budget, "three",
                 head + "Transfer-Encoding: chunked\r\n\r\n29\r\n" + std::string(41, 'a') + "\r\n0\r\n\r\n");
        EXPECT_EQ(third.why().status, 503U);
        EXPECT_EQ(budget.used(), 60U) << "what was refused holds nothing";
        first.refuse(408, "too slow");
        EXPECT_EQ(budget.used(), 0U);
    }
    EXPECT_EQ(budget.used(), 0U);
}

TEST(request_parser, expectation_is_told_until_the_body_comes) {
    feeder f;
    f.add("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_TRUE(f.parser.wants_continue());
    f.add("a");
    EXPECT_FALSE(f.parser.wants_continue());
    feeder none;
    none.add("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    EXPECT_FALSE(none.parser.wants_continue());
    EXPECT_EQ(none.parser.state(), progress::complete);
}

TEST(request_parser, keep_alive_follows_version_and_field) {
    struct row {
        const char* text;
        bool keep;
    };
    const row rows[] = {{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
                        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false},
                        {"GET / HTTP/1.0\r\n\r\n", false},
                        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true}};
    for (const row& one : rows) {
        feeder f;
        f.add(one.text);
        EXPECT_EQ(f.parser.keep_alive(), one.keep) << one.text;
    }
}

TEST(request_parser, mutated_bytes_never_break_it) {
    std::mt19937 random(20240817);
    const std::string sources[] = {post, chunked, empty_chunked};
    for (int round = 0; round < 20000; ++round) {
        std::string bytes = sources[random() % 3];
        for (unsigned change = 0; change < 1 + random() % 3; ++change) {
            const std::size_t at = random() % bytes.size();
            switch (random() % 4) {
                case 0:
                    bytes[at] = static_cast<char>(random() % 256);
                    break;
                case 1:
                    bytes.erase(at, 1 + random() % 3);
                    break;
                case 2:
                    bytes.insert(at, "\r\n");
                    break;
                default:
                    bytes.insert(at, 1, "0;: \r\n"[random() % 6]);
            }
            if (bytes.empty()) {
                bytes = "x";
            }
        }
        feeder f({512, 64}, 64);
        while (!bytes.empty()) {
            const std::size_t part = std::min<std::size_t>(bytes.size(), 1 + random() % 20);
            f.add(bytes.substr(0, part));
            bytes.erase(0, part);
        }
        ASSERT_LE(f.budget_.used(), 64U);
    }
}

}  // namespace
}  // namespace corral::http
