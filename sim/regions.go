package sim

// Region is a part of the world that nodes stand in.
type Region struct {
	Name string `toml:"name" json:"name"`
	// Share is its weight among the nodes.
	Share int64 `toml:"share" json:"share"`
	// Download and Upload are the bandwidths of a node there, kilobits a second.
	Download int64 `toml:"download_kbit" json:"download_kbit"`
	Upload   int64 `toml:"upload_kbit" json:"upload_kbit"`
	// Latency is the mean one-way delay to each region, itself included, in the order of the list, milliseconds.
	Latency []int64 `toml:"latency_ms" json:"latency_ms"`
}

// Regions2019 returns the regions that are used if a Config names none: where Bitcoin's reachable nodes stood in 2019 (in 1/10,000), the
// latencies between and the bandwidths in these parts of the world in that year, as published with the simulator SimBlock (Aoki,
// Otsuki, Kaneko, Banno, Shudo: "SimBlock: A Blockchain Network Simulator", CryBlock 2019), which took them from bitnodes,
// from Verizon's and WonderNetwork's latency statistics and from testmy.net.
func Regions2019() []Region {
	return []Region{
		{"north-america", 3316, 52_000, 19_200, []int64{32, 124, 184, 198, 151, 189}},
		{"europe", 4998, 40_000, 20_700, []int64{124, 11, 227, 237, 252, 294}},
		{"south-america", 90, 18_000, 5_800, []int64{184, 227, 88, 325, 301, 322}},
		{"asia-pacific", 1177, 22_800, 15_700, []int64{198, 237, 325, 85, 58, 198}},
		{"japan", 224, 22_800, 10_200, []int64{151, 252, 301, 58, 12, 126}},
		{"australia", 195, 29_900, 11_300, []int64{189, 294, 322, 198, 126, 16}},
	}
}
