// Boost.URL, for targets of which a file reads URLs; newer versions have it in an archive.
#include <boost/version.hpp>
#if BOOST_VERSION < 108200
#include <boost/url/src.hpp>
#endif
