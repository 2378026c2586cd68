package emulator

// Choice is one of two behaviours.
type Choice string

// The choices that a Behaviour has.
const (
	Answer Choice = "answer"
	Accept Choice = "accept"
	Refuse Choice = "refuse"
	Omit   Choice = "omit"
	Send   Choice = "send"
)

// Behaviour chooses what the API does where AWS's documents leave it open, or
// contradict each other. Empty is the first of each pair.
type Behaviour struct {
	// ValidateOpenUpstream: does ValidatePullThroughCacheRule answer for
	// rules of an upstream that needs no authentication, or does it refuse
	// with InvalidParameterException? The API reference says "for an upstream
	// registry that requires authentication", the user guide's example is
	// ecr-public. Answer or Refuse.
	ValidateOpenUpstream Choice `json:"validateOpenUpstream"`
	// ValidateECRUpstream is the same question for ECR upstreams. Answer or
	// Refuse.
	ValidateECRUpstream Choice `json:"validateEcrUpstream"`
	// ValidateEvents: does ValidatePullThroughCacheRule leave an event, as
	// calls that are not read-only do? Omit or Send.
	ValidateEvents Choice `json:"validateEvents"`
	// PublicUpstreamPrefix: may a rule of an upstream other than ecr have the
	// prefix ROOT, or an upstream prefix? Accept or Refuse.
	PublicUpstreamPrefix Choice `json:"publicUpstreamPrefix"`
	// OpenUpstreamCredential: may a rule have a credential that its upstream
	// does not need? Accept or Refuse.
	OpenUpstreamCredential Choice `json:"openUpstreamCredential"`
	// OtherUpstreamRole: may a rule of an upstream other than ecr have a
	// role? Accept or Refuse.
	OtherUpstreamRole Choice `json:"otherUpstreamRole"`
	// CrossAccountWithoutRole: may a rule of an ECR registry of another
	// account do without a role? Accept or Refuse.
	CrossAccountWithoutRole Choice `json:"crossAccountWithoutRole"`
	// ForeignSecret: may a rule's secret be in another account or Region,
	// which the user guide rules out? Refuse or Accept.
	ForeignSecret Choice `json:"foreignSecret"`
}

// choices lists what a behaviour chooses, with the two possibilities of each,
// the default first.
func (b *Behaviour) choices() []choice {
	return []choice{
		{"validateOpenUpstream", &b.ValidateOpenUpstream, [2]Choice{Answer, Refuse}},
		{"validateEcrUpstream", &b.ValidateECRUpstream, [2]Choice{Answer, Refuse}},
		{"validateEvents", &b.ValidateEvents, [2]Choice{Omit, Send}},
		{"publicUpstreamPrefix", &b.PublicUpstreamPrefix, [2]Choice{Accept, Refuse}},
		{"openUpstreamCredential", &b.OpenUpstreamCredential, [2]Choice{Accept, Refuse}},
		{"otherUpstreamRole", &b.OtherUpstreamRole, [2]Choice{Accept, Refuse}},
		{"crossAccountWithoutRole", &b.CrossAccountWithoutRole, [2]Choice{Accept, Refuse}},
		{"foreignSecret", &b.ForeignSecret, [2]Choice{Refuse, Accept}},
	}
}

type choice struct {
	name  string
	value *Choice
	of    [2]Choice
}

func (b Behaviour) withDefaults() Behaviour {
	for _, c := range b.choices() {
		if *c.value == "" {
			*c.value = c.of[0]
		}
	}
	return b
}
