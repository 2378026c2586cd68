package ocsf

// The objects of an event, with the fields that are used. Each value of an
// enumeration has a number and a caption.

type event struct {
	ActivityID   int          `json:"activity_id"`
	ActivityName string       `json:"activity_name"`
	CategoryUID  int          `json:"category_uid"`
	CategoryName string       `json:"category_name"`
	ClassUID     int          `json:"class_uid"`
	ClassName    string       `json:"class_name"`
	TypeUID      int          `json:"type_uid"`
	TypeName     string       `json:"type_name"`
	Time         int64        `json:"time"` // milliseconds since 1970, UTC
	SeverityID   int          `json:"severity_id"`
	Severity     string       `json:"severity"`
	StatusID     int          `json:"status_id"`
	Status       string       `json:"status"`
	Message      string       `json:"message"`
	Metadata     metadata     `json:"metadata"`
	Cloud        cloud        `json:"cloud"`
	Finding      findingInfo  `json:"finding_info"`
	Compliance   compliance   `json:"compliance"`
	Remediation  *remediation `json:"remediation,omitempty"`
	Resources    []resource   `json:"resources"`
}

type metadata struct {
	Version  string   `json:"version"`
	Profiles []string `json:"profiles"`
	UID      string   `json:"uid"`
	Product  product  `json:"product"`
}

type product struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version,omitempty"`
}

type cloud struct {
	Provider  string       `json:"provider"`
	Region    string       `json:"region"`
	Partition string       `json:"cloud_partition"`
	Account   cloudAccount `json:"account"`
}

type cloudAccount struct {
	UID    string `json:"uid"`
	Type   string `json:"type"`
	TypeID int    `json:"type_id"`
}

// findingInfo identifies a finding over time by its uid.
type findingInfo struct {
	UID   string `json:"uid"`
	Title string `json:"title"`
	Desc  string `json:"desc"`
}

type compliance struct {
	Control   string   `json:"control"`
	Standards []string `json:"standards"`
	StatusID  int      `json:"status_id"`
	Status    string   `json:"status"`
	Details   []string `json:"status_details,omitempty"`
}

type remediation struct {
	Desc       string   `json:"desc"`
	References []string `json:"references,omitempty"`
}

type resource struct {
	UID       string `json:"uid"`
	Name      string `json:"name"`
	Type      string `json:"type"`
	Region    string `json:"region"`
	Partition string `json:"cloud_partition"`
}
